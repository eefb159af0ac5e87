// What is no HTTP request, or does not become one in time: there is nothing but the socket to answer over.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError } from 'fastify';
import { PROBLEM_MEDIA_TYPE, problemOf, refusal } from './problems.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { MAX_HEAD_BYTES, REQUEST_TIMEOUT_MS } from './server-limits.ts';

export interface BrokenRequests {
  /** Answers with a problem where that cannot be taken for the answer to another request, and closes the connection, once what came whole before is answered. */
  readonly answer: (error: ConnectionError, socket: Socket) => void;
  /** Has to see the requests of the server. */
  readonly watch: (server: Server) => void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export function makeBrokenRequests(): BrokenRequests {
  /** What is under way on each connection; several where a client does not wait for its answers. */
  const underWay = new WeakMap<Socket, Set<Exchange>>();

  /** Closed as soon as what is under way is answered; whatever else comes on them is passed over. */
  const ending = new WeakSet<Socket>();
  const exchangesOn = (socket: Socket): readonly Exchange[] => [...(underWay.get(socket) ?? [])];

  return {
    answer(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) {
        socket.destroy(error);
        return;
      }
      if (ending.has(socket)) return;
      const whole = exchangesOn(socket).findLast(({ request }) => request.complete);
      if (whole) {
        ending.add(socket);
        // What it asked for is done: whoever asked is still to learn what came of it.
        whole.response.once('close', () => socket.destroySoon());
        return;
      }
      // Of a request that has not come whole, the broken bytes are its body: nothing was done about it, but it may have been refused already.
      if (exchangesOn(socket).some(({ response }) => response.headersSent)) {
        socket.destroy(error);
        return;
      }
      const instance = randomUUID();
      const body = JSON.stringify(problemOf(refusal('malformed_request', faultOf(error)), { instance }));
      const headers = {
        ...SECURITY_HEADERS,
        'X-Request-Id': instance,
        'Content-Type': PROBLEM_MEDIA_TYPE,
        'Content-Length': Buffer.byteLength(body),
        Connection: 'close',
      };
      const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 400 Bad Request\r\n${head.join('')}\r\n${body}`);
    },
    watch(server) {
      server.on('request', (request, response) => {
        const { socket } = request;
        const exchange = { request, response };
        const exchanges = underWay.get(socket) ?? new Set();
        underWay.set(socket, exchanges.add(exchange));
        response.once('close', () => exchanges.delete(exchange));
      });
    },
  };
}

function faultOf({ code }: ConnectionError): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return `The head of the request has more than ${MAX_HEAD_BYTES} bytes.`;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return `The request did not arrive within ${REQUEST_TIMEOUT_MS / 1000} s.`;
    default:
      return 'The bytes sent are no HTTP request.';
  }
}
