// A `fetch` for those who send many requests: Node's own HTTP client over connections that are kept, at a third of the cost.
import type { ClientRequest, IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import type { Fetch, FetchAnswer } from './http.ts';

export interface PooledFetch {
  readonly fetch: Fetch;
  /** Closes the connections, those with requests under way, too. */
  close(): void;
}
export interface PooledFetchOptions {
  /** The most connections to one server; the next request waits for one. */
  readonly connections?: number;
}

const CONNECTIONS = 256;

/**
 * Connections of one's own, kept open between requests. No redirects, no compression, whole answers only.
 *
 * @example
 * ```ts
 * const pool = createPooledFetch();
 * const ledger = createLedgerClient({ url, token, fetch: pool.fetch });
 * pool.close();
 * ```
 */
export function createPooledFetch({ connections = CONNECTIONS }: PooledFetchOptions = {}): PooledFetch {
  // All of them are kept: Node would keep 256, and whoever has more under way would open and close them again and again. It costs the server
  // dear: it accepts one in each turn of its event loop.
  const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections, noDelay: true };
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) };

  const fetch: Fetch = (address, { method, headers, body, signal }) => {
    const url = new URL(address);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const sending = { method, headers: { ...headers, ...length } };
      const onAbort = (): void => void request.destroy(signal.reason);
      const request: ClientRequest =
        url.protocol === 'https:'
          ? https.request(url, { ...sending, agent: agents['https:'] })
          : http.request(url, { ...sending, agent: agents['http:'] });
      signal.addEventListener('abort', onAbort, { once: true });
      request.on('close', () => signal.removeEventListener('abort', onAbort));
      request.on('error', reject);
      request.on('response', (response) => {
        readWhole(response).then(resolve, reject);
      });
      request.end(body);
    });
  };
  return {
    fetch,
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

async function readWhole(response: IncomingMessage): Promise<FetchAnswer> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  return {
    status: response.statusCode ?? 0,
    headers: {
      get: (name) => {
        const value = response.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
      getSetCookie: () => response.headers['set-cookie'] ?? [],
    },
    text: () => Promise.resolve(text),
  };
}
