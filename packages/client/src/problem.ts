// What can go wrong, as errors: the ledger's problems, a ledger that was not reached, an outcome that is not known yet.
import type { FieldError, ProblemBody, ProblemCode } from './contract.ts';

const STANDARD_MEMBERS: ReadonlySet<string> = new Set([
  'type',
  'title',
  'status',
  'detail',
  'instance',
  'code',
  'commandId',
  'revision',
  'position',
  'retryable',
  'errors',
]);

/**
 * A problem that the ledger answered with (RFC 9457).
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (error instanceof LedgerProblem && error.code === 'insufficient_funds') console.log(error.fields.available);
 *   else throw error;
 * }
 * ```
 */
export class LedgerProblem extends Error {
  readonly code: ProblemCode;
  /** The HTTP status, over RabbitMQ too. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** The path of a page that the ledger serves about it. */
  readonly type: string;
  /** The id of the request that was refused. */
  readonly instance: string;
  /** Whether the same request with the same key, sent again, may succeed by itself. The client has done so until its deadline. */
  readonly retryable: boolean;
  readonly commandId: string | undefined;
  /** Of a refusal that is stored: its place in the account's stream and in the log. */
  readonly revision: string | undefined;
  readonly position: string | undefined;
  /** What is wrong with which field of the body. */
  readonly errors: readonly FieldError[];
  /** The code's own members, such as `available` and `requested`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The idempotency key that the refused command was sent with; a read has none. */
  readonly key: string | undefined;
  /** How long the ledger asks to wait before it is asked again; undefined where it does not say. */
  readonly retryAfterMs: number | undefined;
  readonly #body: ProblemBody;

  constructor(body: ProblemBody, key?: string, retryAfterMs?: number) {
    super(`${body.code}: ${body.detail}`);
    this.name = 'LedgerProblem';
    this.#body = body;
    this.code = body.code;
    this.status = body.status;
    this.title = body.title;
    this.detail = body.detail;
    this.type = body.type;
    this.instance = body.instance;
    this.retryable = body.retryable;
    this.commandId = body.commandId;
    this.revision = body.revision;
    this.position = body.position;
    this.errors = body.errors ?? [];
    this.fields = Object.fromEntries(Object.entries(body).filter(([name]) => !STANDARD_MEMBERS.has(name)));
    this.key = key;
    this.retryAfterMs = retryAfterMs;
  }

  /** The same problem as that of the command with this key, which could not be sent because of it. */
  of(key: string | undefined): LedgerProblem {
    return new LedgerProblem(this.#body, key, this.retryAfterMs);
  }
}

/**
 * Until the deadline there was no answer that could be understood. What was sent may have been applied, unless `isUnsent`:
 * the same command with the same `key`, sent again at any time, tells.
 */
export class LedgerUnreachable extends Error {
  readonly key: string | undefined;
  /** True where nothing ever left this process. */
  readonly isUnsent: boolean;

  constructor(
    message: string,
    { key, cause, isUnsent = false }: { readonly key?: string | undefined; readonly cause?: unknown; readonly isUnsent?: boolean } = {},
  ) {
    super(message, { cause });
    this.name = 'LedgerUnreachable';
    this.key = key;
    this.isUnsent = isUnsent;
  }
}

/** The command was taken and is safe, but was not known to be decided by the deadline; `cause` is what kept the ledger from saying: its refusal, or no answer. */
export class OutcomePending extends Error {
  readonly key: string;
  readonly commandId: string | undefined;

  constructor(key: string, commandId?: string, cause?: LedgerProblem | LedgerUnreachable) {
    super(`the command with the key ${key} was taken, but is not decided yet`, { cause });
    this.name = 'OutcomePending';
    this.key = key;
    this.commandId = commandId;
  }
}

/** No queue takes commands at that broker: no ledger has ever been started with it. Nothing was applied. */
export class CommandUnroutable extends Error {
  readonly key: string;

  constructor(key: string, cause?: unknown) {
    super('the broker has no queue for commands: has a ledger been started with it?', { cause });
    this.name = 'CommandUnroutable';
    this.key = key;
  }
}

/** The session was logged out: it does nothing more. */
export class SessionEnded extends Error {
  constructor() {
    super('the session was logged out');
    this.name = 'SessionEnded';
  }
}

/** Whether a parsed body is a problem of the ledger, and not of something in between. */
export function isProblem(body: unknown): body is ProblemBody {
  return (
    typeof body === 'object' &&
    body !== null &&
    'code' in body &&
    typeof body.code === 'string' &&
    'detail' in body &&
    typeof body.detail === 'string' &&
    'retryable' in body &&
    typeof body.retryable === 'boolean'
  );
}

/** How client credentials are refused (RFC 6749, 5.2), as the problem that it is. */
export function tokenRefusal(body: unknown, status: number): LedgerProblem | undefined {
  if (typeof body !== 'object' || body === null || !('error' in body) || typeof body.error !== 'string') return undefined;
  const description = 'error_description' in body && typeof body.error_description === 'string' ? body.error_description : body.error;
  return new LedgerProblem({
    type: body.error === 'invalid_client' ? '/problems/unauthenticated' : '/problems/malformed-request',
    title: 'The client credentials are not taken',
    status,
    detail: description,
    instance: '',
    // The others say that the request is wrong, which the client makes itself.
    code: body.error === 'invalid_client' ? 'unauthenticated' : 'malformed_request',
    retryable: false,
  });
}
