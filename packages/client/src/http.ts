// Requests to the ledger's API: retried with the very same headers, so with the same key, until they are answered.
import type { Access } from './access.ts';
import { isProblem, LedgerProblem, LedgerUnreachable, tokenRefusal } from './problem.ts';
import type { Deadline } from './retries.ts';
import { AttemptFailed, onlyOnce, withRetries } from './retries.ts';

/** What the client uses of a `fetch`: Node's own can do it, and so can one of your own. */
export type Fetch = (url: string, request: FetchRequest) => Promise<FetchAnswer>;
export interface FetchRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Aborted where the attempt took too long, or its caller gave up. */
  readonly signal: AbortSignal;
}
export interface FetchAnswer {
  readonly status: number;
  readonly headers: Pick<Headers, 'get' | 'getSetCookie'>;
  text(): Promise<string>;
}

export interface HttpOptions {
  /** Where the ledger is: `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly access: Access;
  /** How long one attempt may take. */
  readonly attemptTimeoutMs: number;
  /** Another `fetch` than Node's own. */
  readonly fetch: Fetch;
  /** Whether a request that failed is sent again. */
  readonly retries: boolean;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; URLSearchParams as a form. */
  readonly body?: object | undefined;
  /** The idempotency key, where the request has one. */
  readonly key?: string | undefined;
}
export interface HttpAnswer {
  readonly status: number;
  readonly headers: FetchAnswer['headers'];
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
const NO_CONTENT = 204;
const UNAUTHORIZED = 401;
const MS_PER_S = 1_000;

export function makeHttp({ url, access, attemptTimeoutMs, fetch, retries }: HttpOptions): Http {
  const base = url.replace(/\/+$/, '');

  async function answerTo(request: HttpRequest, token: string | undefined, deadline: Deadline): Promise<HttpAnswer> {
    const { key } = request;
    // Not AbortSignal.timeout(): its timers outlive the requests, thousands of them where there are many.
    const giveUp = new AbortController();
    const timeoutMs = Math.max(1, Math.ceil(Math.min(attemptTimeoutMs, deadline.remainingMs())));
    const timer = setTimeout(() => giveUp.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const response = await fetch(`${base}${request.path}${queryOf(request)}`, {
        method: request.method,
        headers: {
          accept: 'application/json, application/problem+json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...request.headers,
          ...(request.body === undefined ? {} : { 'content-type': mediaTypeOf(request.body) }),
        },
        signal: deadline.signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, deadline.signal]),
        ...(request.body === undefined ? {} : { body: textOf(request.body) }),
      });
      return { status: response.status, headers: response.headers, body: jsonOf(await response.text()) };
    } catch (cause) {
      deadline.signal?.throwIfAborted();
      throw new AttemptFailed(new LedgerUnreachable(`the ledger at ${base} did not answer`, { key, cause }));
    } finally {
      clearTimeout(timer);
    }
  }

  /** @throws what the access throws, about the command with that key. */
  async function tokenFor({ key }: HttpRequest, deadline: Deadline): Promise<string | undefined> {
    try {
      return await access.token(deadline);
    } catch (error) {
      if (error instanceof LedgerProblem) throw error.of(key);
      if (!(error instanceof AttemptFailed)) throw error;
      const { cause, retryAfterMs } = error;
      if (cause instanceof LedgerProblem) throw new AttemptFailed(cause.of(key), retryAfterMs);
      throw new AttemptFailed(new LedgerUnreachable(error.message, { key, cause: error.cause }), retryAfterMs);
    }
  }

  /** The answer; where the token is not taken any more, that to the same request with another one. */
  async function answered(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const token = await tokenFor(request, deadline);
    const answer = await answerTo(request, token, deadline);
    if (answer.status !== UNAUTHORIZED || token === undefined) return answer;
    access.refused(token);
    const other = await tokenFor(request, deadline);
    return other === token ? answer : answerTo(request, other, deadline);
  }

  async function attempt(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const { key } = request;
    const answer = await answered(request, deadline);
    const { status, headers, body } = answer;
    if (status === NO_CONTENT || (status < 400 && body !== undefined)) return answer;
    const retryAfter = headers.get('retry-after');
    const retryAfterMs = retryAfterOf(retryAfter);
    if (isProblem(body)) {
      const problem = new LedgerProblem(body, key, retryAfter === null ? undefined : retryAfterMs);
      throw problem.retryable ? new AttemptFailed(problem, retryAfterMs) : problem;
    }
    const refusal = tokenRefusal(body, status);
    if (refusal !== undefined) throw refusal;
    const strange = new LedgerUnreachable(`what answered at ${base} with status ${status} is not the ledger`, { key });
    throw GATEWAY_STATUSES.has(status) ? new AttemptFailed(strange, retryAfterMs) : strange;
  }

  const sent = retries ? withRetries<HttpAnswer> : onlyOnce<HttpAnswer>;
  return { attempt, send: (request, deadline) => sent(() => attempt(request, deadline), deadline) };
}

const mediaTypeOf = (body: object): string => (body instanceof URLSearchParams ? 'application/x-www-form-urlencoded' : 'application/json');
const textOf = (body: object): string => (body instanceof URLSearchParams ? body.toString() : JSON.stringify(body));

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
