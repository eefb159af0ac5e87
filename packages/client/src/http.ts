// Requests to the ledger's API: retried with the very same headers, so with the same key, until they are answered.
import { isProblem, LedgerProblem, LedgerUnreachable } from './problem.ts';
import type { Deadline } from './retries.ts';
import { AttemptFailed, withRetries } from './retries.ts';

export interface HttpOptions {
  /** Where the ledger is: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** The access token; a function is asked before every attempt, so it may renew it. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** How long one attempt may take. */
  readonly attemptTimeoutMs: number;
  /** Another `fetch` than Node's own. */
  readonly fetch: typeof fetch;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
  /** The idempotency key, where the request has one. */
  readonly key?: string | undefined;
}
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface Http {
  /** Sends the request until it is answered. @throws LedgerProblem, LedgerUnreachable. */
  send(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer>;
  /** Sends it once. @throws AttemptFailed with one of these as its cause where it is worth another attempt. */
  attempt(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer>;
}

/** A gateway that has no ledger behind it at the moment answers so. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([502, 503, 504]);
const MS_PER_S = 1_000;

export function makeHttp({ url, token, attemptTimeoutMs, fetch }: HttpOptions): Http {
  const base = url.replace(/\/+$/, '');

  async function answerTo(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const accessToken = typeof token === 'function' ? await token() : token;
    const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(Math.min(attemptTimeoutMs, deadline.remainingMs()))));
    const response = await fetch(`${base}${request.path}${queryOf(request)}`, {
      method: request.method,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
        ...(request.key === undefined ? {} : { 'idempotency-key': request.key }),
        ...request.headers,
      },
      signal: deadline.signal === undefined ? timeout : AbortSignal.any([timeout, deadline.signal]),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    return { status: response.status, headers: response.headers, body: jsonOf(await response.text()) };
  }

  async function attempt(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const { key } = request;
    let answer: HttpAnswer;
    try {
      answer = await answerTo(request, deadline);
    } catch (cause) {
      deadline.signal?.throwIfAborted();
      throw new AttemptFailed(new LedgerUnreachable(`the ledger at ${base} did not answer`, { key, cause }));
    }
    const { status, headers, body } = answer;
    if (status < 400 && body !== undefined) return answer;
    const retryAfterMs = retryAfterOf(headers.get('retry-after'));
    if (isProblem(body)) {
      const problem = new LedgerProblem(body, key);
      throw problem.retryable ? new AttemptFailed(problem, retryAfterMs) : problem;
    }
    const strange = new LedgerUnreachable(`what answered at ${base} with status ${status} is not the ledger`, { key });
    throw GATEWAY_STATUSES.has(status) ? new AttemptFailed(strange, retryAfterMs) : strange;
  }

  return { attempt, send: (request, deadline) => withRetries(() => attempt(request, deadline), deadline) };
}

function queryOf({ query = {} }: HttpRequest): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Retry-After is a number of seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterOf(header: string | null): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * MS_PER_S;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - Date.now());
}
