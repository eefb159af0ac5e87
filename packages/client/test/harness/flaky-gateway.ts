// A gateway before the ledger that misbehaves as told: what the network, a proxy or a busy ledger does to a client.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly key: string | undefined;
  readonly authorization: string | undefined;
  readonly atMs: number;
}
interface Answer {
  readonly status: number;
  readonly body: unknown;
}
/** What is done with a request: `pass` it on; lose it on the way there or its answer on the way back; or answer in the ledger's place. */
export type Treatment =
  | 'pass'
  | 'lose-request'
  | 'lose-answer'
  /** Passes it on, and never answers. */
  | 'hang'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string }
  /** Passes it on, and answers what this makes of the answer. */
  | ((answer: Answer) => Answer | Promise<Answer>);

export interface FlakyGateway extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** The next requests are treated so, one each; those after them are passed on. */
  next(...treatments: readonly Treatment[]): void;
}

export async function startFlakyGateway(ledgerUrl: string): Promise<FlakyGateway> {
  const seen: Seen[] = [];
  const queue: Treatment[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    const key = headers['idempotency-key'];
    seen.push({
      method,
      path,
      key: typeof key === 'string' ? key : undefined,
      authorization: headers.authorization,
      atMs: performance.now(),
    });
    const treatment = queue.shift() ?? 'pass';
    const body = await buffer(request);
    if (treatment === 'lose-request') return void request.socket.destroy();
    if (typeof treatment === 'object') return void response.writeHead(treatment.status, treatment.headers).end(treatment.body);
    const { connection, host, 'transfer-encoding': _, ...passed } = headers;
    const answer = await fetch(`${ledgerUrl}${path}`, {
      method,
      headers: passed as Record<string, string>,
      ...(body.length === 0 ? {} : { body }),
    });
    const text = await answer.text();
    if (treatment === 'lose-answer') return void request.socket.destroy();
    if (treatment === 'hang') return;
    response.appendHeader('set-cookie', answer.headers.getSetCookie());
    if (typeof treatment === 'function') {
      const made = await treatment({ status: answer.status, body: JSON.parse(text) });
      return void response.writeHead(made.status, { 'content-type': 'application/json' }).end(JSON.stringify(made.body));
    }
    const hit = answer.headers.get('idempotency-hit');
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'text/plain',
      ...(hit === null ? {} : { 'idempotency-hit': hit }),
    });
    response.end(text);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    next: (...treatments) => void queue.push(...treatments),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
