// What the answers said was written, held against the log: nothing else may stand there, and all of it must.
import { z } from 'zod';
import type { LogEvent } from '../../scenarios/log.ts';
import type { Draft } from './draft.ts';
import type { Exchange, HttpAnswer } from './exchange.ts';
import { saidIn } from './judge.ts';

const Outcome = z.looseObject({
  commandId: z.string(),
  status: z.union([z.literal('applied'), z.int()]),
  revision: z.string(),
});
const Bulk = z.looseObject({ results: z.array(z.unknown()) });
/** A first account is opened by registering, which says nothing of commands. */
const LoggedIn = z.looseObject({ accessToken: z.string(), userId: z.string(), accountId: z.string() });
const Metadata = z.looseObject({ key: z.string(), commandId: z.string(), correlationId: z.string(), actor: z.string() });

const isWrite = (method: string): boolean => !['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method);
/** Either may be bent, and the other still tells which request an event comes from. */
const NAMING_HEADERS: ReadonlySet<string> = new Set(['X-Request-Id', 'Idempotency-Key']);
const isOwn = (key: string): boolean => key.startsWith('sys:');

export interface ToldOutcomes {
  note(draft: Draft, exchange: Exchange): void;
  /** How the log differs from what was told. @param since events before it were not written by the requests. */
  faultsIn(log: readonly LogEvent[], since: bigint): readonly string[];
  readonly count: number;
}

export function makeToldOutcomes(): ToldOutcomes {
  /** By command: who was told first, where that is known. */
  const told = new Map<string, string | undefined>();
  const firstAccounts = new Set<string>();
  /** Ids and keys of requests whose connection ended without an answer: what became of them nobody was told. */
  const unanswered = new Set<string>();

  function noteOutcome(said: unknown, draft: Draft, isHit: boolean): void {
    const outcome = Outcome.safeParse(said);
    if (!outcome.success) return;
    const { commandId } = outcome.data;
    if (!isHit) told.set(commandId, draft.asker.actor);
    else if (!told.has(commandId)) told.set(commandId, undefined);
  }

  function faultOf({ stream, revision, type, metadata }: LogEvent): readonly string[] {
    const parsed = Metadata.safeParse(metadata);
    const place = `${type} at ${stream}@${revision}`;
    if (!parsed.success) return [`${place} has no metadata`];
    const { key, commandId, correlationId, actor } = parsed.data;
    if (isOwn(key) || unanswered.has(correlationId) || unanswered.has(key) || firstAccounts.has(stream.replace('account-', ''))) return [];
    if (!told.has(commandId)) return [`${place} with key ${key} is what no answer told`];
    const by = told.get(commandId);
    return by === undefined || by === actor ? [] : [`${place} is ${actor}'s, and was told to ${by}`];
  }

  function noteAnswer(draft: Draft, answer: HttpAnswer): void {
    const said = saidIn(answer);
    const bulk = Bulk.safeParse(said);
    const isHit = answer.headers['idempotency-hit'] !== undefined;
    if (bulk.success) for (const result of bulk.data.results) noteOutcome(result, draft, false);
    else noteOutcome(said, draft, isHit);
    const loggedIn = LoggedIn.safeParse(said);
    if (loggedIn.success) firstAccounts.add(loggedIn.data.accountId);
  }

  return {
    note(draft, { answers }) {
      if (answers.length === 0) for (const [name, value] of draft.headers) if (NAMING_HEADERS.has(name)) unanswered.add(value);
      if (isWrite(draft.method)) for (const answer of answers) noteAnswer(draft, answer);
    },
    faultsIn(log, since) {
      const written = log.filter(({ position }) => position > since);
      const ids = new Set(log.map(({ metadata }) => Metadata.safeParse(metadata).data?.commandId));
      const missing = [...told.keys()].filter((commandId) => !ids.has(commandId));
      return [...written.flatMap(faultOf), ...missing.map((commandId) => `${commandId} was told, and is not in the log`)];
    },
    get count() {
      return told.size;
    },
  };
}
