// Sending commands over REST: a key for each, the same at every retry, and the outcome of those that take longer.
import { randomUUID } from 'node:crypto';
import { pathOf, routeOf } from './command-routes.ts';
import type { Applied, CommandStatus, Pending, ProblemBody, RestCommand, Results } from './contract.ts';
import type { Http } from './http.ts';
import { LedgerProblem, LedgerUnreachable, OutcomePending } from './problem.ts';
import type { Deadline } from './retries.ts';
import { AttemptFailed, deadlineIn, withRetries } from './retries.ts';

export interface CallOptions {
  /** How long to try, in milliseconds; the client's own deadline where it is not given. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}
export interface WriteOptions<Wait extends boolean = true> extends CallOptions {
  /**
   * The idempotency key: send the same again only to repeat this very command. Where none is given a random one is made,
   * which is in the answer and in every error.
   */
  readonly key?: string;
  /** False: be answered as soon as the command is safe, and not when it is decided, where the ledger has a broker. */
  readonly wait?: Wait;
  /** Apply it only to this revision of the account, else `revision_mismatch`. */
  readonly ifRevision?: string;
  /** Decide and answer, and store nothing. */
  readonly dryRun?: boolean;
  /** W3C trace context, kept with the event. */
  readonly traceparent?: string;
}
/** What a write resolves to: the outcome, or, where it was not to be waited for, perhaps that it is pending. */
export type Written<Type extends keyof Results, Wait extends boolean> = Wait extends false ? Applied<Type> | Pending : Applied<Type>;

/** A command among many, with a key of its own; one is made where there is none. */
export type BulkCommand = Exclude<RestCommand, { readonly type: 'register-asset' }> & { readonly key?: string };
/** What became of it; `pending` where that was not known by the deadline. */
export type BulkResult =
  | { readonly key: string; readonly applied: Applied }
  | { readonly key: string; readonly problem: LedgerProblem }
  | { readonly key: string; readonly pending: Pending };

export interface CommandSender {
  send<Type extends RestCommand['type'], Wait extends boolean = true>(
    command: Extract<RestCommand, { readonly type: Type }>,
    options?: WriteOptions<Wait>,
  ): Promise<Written<Type, Wait>>;
  sendAll(commands: readonly BulkCommand[], options?: CallOptions & { readonly dryRun?: boolean }): Promise<readonly BulkResult[]>;
  outcomeOf(pending: Pending, options?: CallOptions): Promise<Applied>;
}

const ACCEPTED = 202;
const MS_PER_S = 1_000;
/** The share of an attempt's time that the ledger may take to decide. */
const PATIENCE = 0.8;

export interface CommandSenderOptions {
  readonly http: Http;
  readonly deadlineMs: number;
  /** How long one attempt may take. */
  readonly attemptTimeoutMs: number;
}

export function makeCommandSender({ http, deadlineMs, attemptTimeoutMs }: CommandSenderOptions): CommandSender {
  /** To be told that a command is pending before the attempt is given up: it is safe then, and sending it again would help nobody. */
  const patience = `wait=${Math.floor((attemptTimeoutMs * PATIENCE) / MS_PER_S)}`;
  const deadlineOf = (options: CallOptions): Deadline => deadlineIn(options.deadlineMs ?? deadlineMs, options.signal);

  /** What the ledger says of the command. What keeps it from saying so, a refusal or no answer, says nothing of the command, which was taken. */
  async function statusOf({ commandId, key }: Pending, deadline: Deadline): Promise<CommandStatus> {
    try {
      const { body } = await http.attempt({ method: 'GET', path: pathOf('commands', commandId) }, deadline);
      return body as CommandStatus; // the contract's answer
    } catch (error) {
      const cause = error instanceof AttemptFailed ? error.cause : error;
      if (!(cause instanceof LedgerProblem || cause instanceof LedgerUnreachable)) throw error;
      const pending = new OutcomePending(key, commandId, cause);
      throw error instanceof AttemptFailed ? new AttemptFailed(pending, error.retryAfterMs) : pending;
    }
  }

  /** Asks for the command until it is decided. */
  const outcome = (taken: Pending, deadline: Deadline): Promise<Applied> =>
    withRetries(async () => {
      const { commandId, key } = taken;
      const status = await statusOf(taken, deadline);
      if (status.status === 'pending') throw new AttemptFailed(new OutcomePending(key, commandId));
      if (status.problem !== undefined) throw new LedgerProblem(status.problem, key);
      return answered<Applied>(status, { key });
    }, deadline);

  /** As `outcome`, for one of many: the others' answers must not be lost with its problem. */
  async function settled(pending: Pending, deadline: Deadline): Promise<BulkResult> {
    const { key } = pending;
    try {
      return { key, applied: await outcome(pending, deadline) };
    } catch (error) {
      if (error instanceof LedgerProblem) return { key, problem: error };
      if (error instanceof OutcomePending) return { key, pending };
      throw error;
    }
  }

  return {
    async send<Type extends RestCommand['type'], Wait extends boolean = true>(
      command: Extract<RestCommand, { readonly type: Type }>,
      options: WriteOptions<Wait> = {},
    ): Promise<Written<Type, Wait>> {
      const { key = randomUUID(), wait = true, ifRevision, dryRun = false, traceparent } = options;
      const deadline = deadlineOf(options);
      const answer = await http.send(
        {
          ...routeOf(command),
          ...(dryRun ? { query: { dryRun: 'true' } } : {}),
          key,
          headers: {
            prefer: wait ? patience : 'respond-async',
            ...(ifRevision === undefined ? {} : { 'if-match': `"${ifRevision}"` }),
            ...(traceparent === undefined ? {} : { traceparent }),
          },
        },
        deadline,
      );
      if (answer.status !== ACCEPTED) return answered(answer.body, { key, hit: answer.headers.get('idempotency-hit') === 'true' });
      const pending = answered<Pending>(answer.body, { key });
      return answered(wait ? await outcome(pending, deadline) : pending);
    },

    async sendAll(commands, options = {}) {
      const keyed = commands.map((command) => ({ ...command, key: command.key ?? randomUUID() }));
      const deadline = deadlineOf(options);
      const { body } = await http.send(
        {
          method: 'POST',
          path: '/v1/commands',
          ...(options.dryRun ? { query: { dryRun: 'true' } } : {}),
          headers: { prefer: patience },
          body: { commands: keyed },
        },
        deadline,
      );
      const { results } = body as { readonly results: readonly ({ readonly httpStatus: number } & (ProblemBody | Applied | Pending))[] };
      return Promise.all(
        results.map(({ httpStatus, ...result }, index): Promise<BulkResult> | BulkResult => {
          const key = keyed[index]?.key ?? '';
          if ('code' in result) return { key, problem: new LedgerProblem(result as ProblemBody, key) };
          return httpStatus === ACCEPTED ? settled(answered(result, { key }), deadline) : { key, applied: answered(result, { key }) };
        }),
      );
    },

    outcomeOf: (pending, options = {}) => outcome(pending, deadlineOf(options)),
  };
}

/** An answer as the contract has it, and what the client adds. */
const answered = <Answer>(body: unknown, added: object = {}): Answer => ({ ...(body as object), ...added }) as Answer;
