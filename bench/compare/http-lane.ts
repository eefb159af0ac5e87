// One keep-alive connection of a client that costs next to nothing: requests are bytes made beforehand, one is under way at a time,
// and of an answer only what is asked for is read. Clients share the cores with what they measure.
import { once } from 'node:events';
import { connect } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}
export interface HttpLane {
  /** Sends the bytes of one request and resolves with its answer. Nothing else may be under way. */
  exchange(request: Uint8Array): Promise<HttpAnswer>;
  close(): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_AT = 'HTTP/1.1 '.length;
const LENGTH = /\r\ncontent-length: *([0-9]+)/i;

/** @throws where nobody listens there. Answers must say how long they are, as fastify's do. */
export async function openLane(url: string): Promise<HttpLane> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let waiting: { resolve(answer: HttpAnswer): void; reject(error: Error): void } | undefined;
  let received: Buffer = Buffer.alloc(0);

  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const headEnd = received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = received.toString('latin1', 0, headEnd);
    const bodyAt = headEnd + HEAD_END.length;
    const bodyEnd = bodyAt + Number(LENGTH.exec(head)?.[1] ?? 0);
    if (received.length < bodyEnd) return;
    const answer = { status: Number(head.slice(STATUS_AT, STATUS_AT + 3)), body: received.toString('utf8', bodyAt, bodyEnd) };
    received = received.subarray(bodyEnd);
    const answered = waiting;
    waiting = undefined;
    answered?.resolve(answer);
  });
  const end = (error?: Error): void => waiting?.reject(error ?? new Error(`${url} closed a connection with a request under way`));
  socket.on('error', end);
  socket.on('close', () => end());

  return {
    exchange: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => {
      waiting = undefined;
      socket.destroy();
    },
  };
}
