// A gateway before the ledger that does to some requests what a faulty ledger, or somebody at its stores, would have done.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Passing {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** The idempotency key, where there is one. */
  readonly key: string | undefined;
}
export interface Meddling {
  /** Asked for instead. */
  readonly path?: string;
  /** What is answered instead of the ledger's text. */
  readonly answer?: (text: string) => string;
  /** The status, where it is another one. */
  readonly status?: number;
  /** The ledger answers, and nobody learns what. */
  readonly isAnswerLost?: boolean;
}
export interface MeddlingGateway extends AsyncDisposable {
  readonly url: string;
}

/** @param meddle what is done to a request; undefined: it is passed on as it is. */
export async function startMeddlingGateway(
  ledgerUrl: string,
  meddle: (request: Passing) => Promise<Meddling | undefined> | Meddling | undefined,
): Promise<MeddlingGateway> {
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const { connection, host, 'transfer-encoding': _, ...passed } = request.headers;
    const body = await buffer(request);
    const {
      path = url,
      answer = (text: string) => text,
      status,
      isAnswerLost = false,
    } = (await meddle({ method, path: url, key: keyOf(request) })) ?? {};
    const answered = await fetch(`${ledgerUrl}${path}`, {
      method,
      headers: passed as Record<string, string>,
      ...(body.length === 0 ? {} : { body }),
    });
    const text = await answered.text();
    if (isAnswerLost) return void request.socket.destroy();
    for (const name of ['content-type', 'idempotency-hit', 'retry-after', 'set-cookie']) {
      const value = name === 'set-cookie' ? answered.headers.getSetCookie() : answered.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    response.writeHead(status ?? answered.status).end(answered.status === 204 ? undefined : answer(text));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function keyOf({ headers }: IncomingMessage): string | undefined {
  const key = headers['idempotency-key'];
  return typeof key === 'string' ? key : undefined;
}
