// Keyed facts: what a stream knows under the keys and names that commands ask for. Postgres answers up to its revision p,
// memory covers what came after the revision it was loaded at; where the two do not meet, the stream is read.
import type { RecordedEvent } from '../domain/events.ts';
import type { Fact, FactKey } from '../domain/facts.ts';
import { factsAskedBy, nameOfFact } from '../domain/facts.ts';
import type { CommandId } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { Streams } from '../eventstore/streams.ts';
import type { AskedFacts, FoundFacts } from '../projections/facts.ts';
import type { KnownFact, LoadedSubject } from './account-loader.ts';
import { checkFirstUse, factsOf, rememberFacts, secondUse } from './account-loader.ts';
import type { PendingCommand } from './mailbox.ts';

export interface StreamFacts {
  outcome(commandId: CommandId): StoredOutcome | undefined;
  /** By its name, see nameOfFact. */
  fact(name: string): Fact | undefined;
}

/** A stream known from its first event on needs no look-up, until memory holds this many outcomes of it. */
const MAX_REMEMBERED_WITHOUT_LOOKUP = 512;
/** A short stream that is asked for again and again is read as a whole once: a look-up for every command costs more. */
const LOOKUPS_BEFORE_READING = 3;
const LONGEST_READ = 256n;

/** Of these there is one event each; another one of the same name was written past the ledger. */
const countsOnce = (fact: Fact): boolean => fact.kind === 'payment' || fact.kind === 'fill';

/**
 * What the stream knows of the commands' keys and of what they ask for, complete up to the loaded state's revision.
 * @throws InvariantViolated where the state stands on an event whose key, payment or fill another event had before.
 */
export async function knownFacts(
  loaded: LoadedSubject,
  waiting: readonly PendingCommand[],
  findProjected: (question: AskedFacts) => Promise<FoundFacts>,
  streams: Pick<Streams, 'read'>,
): Promise<StreamFacts> {
  const { subject, unverified } = loaded;
  if (subject.kind === 'asset') return fromMemory(loaded); // its stream is always read from its first event on
  const isShort = loaded.base !== -1n && loaded.base < LONGEST_READ;
  if (isShort && loaded.lookups >= LOOKUPS_BEFORE_READING && unverified.length === 0) await readBack(loaded, -1n, streams);
  const isAllInMemory = loaded.base === -1n && loaded.outcomes.size <= MAX_REMEMBERED_WITHOUT_LOOKUP;
  const commandIds = waiting.flatMap(({ envelope, commandId }) => (envelope.dryRun ? [] : [commandId]));
  const keys: FactKey[] = waiting.flatMap(({ envelope: { command } }) => factsAskedBy(command));
  commandIds.push(...unverified.map(({ metadata }) => metadata.commandId));
  keys.push(...unverified.flatMap((recorded) => factsOf(recorded).filter(countsOnce)));
  if (isAllInMemory || commandIds.length + keys.length === 0) return fromMemory(loaded);

  loaded.lookups += 1;
  const projected = await findProjected({ accountId: subject.accountId, commandIds, keys });
  for (const recorded of unverified) verify(recorded, projected);
  unverified.length = 0;
  // It was rebuilt, or swapped.
  if (projected.revision < loaded.base) await readBack(loaded, projected.revision, streams);
  else forgetProjected(loaded, projected.revision);
  const memory = fromMemory(loaded);
  return {
    outcome: (commandId) => memory.outcome(commandId) ?? projected.outcomes.get(commandId),
    fact: (name) => memory.fact(name) ?? projected.facts.get(name),
  };
}

const fromMemory = (loaded: LoadedSubject): StreamFacts => ({
  outcome: (commandId) => loaded.outcomes.get(commandId),
  fact: (name) => loaded.facts.get(name)?.fact,
});

/** What the log holds past the ledger may repeat what the ledger never does: a key, a payment, a fill. The projector halts there, and so do we. */
function verify(recorded: RecordedEvent, { outcomes, facts }: FoundFacts): void {
  const { commandId } = recorded.metadata;
  const first = outcomes.get(commandId);
  if (first && first.eventId !== recorded.eventId) throw secondUse(recorded, `command ${commandId}`);
  for (const fact of factsOf(recorded)) if (countsOnce(fact)) checkFirstUse(recorded, fact, facts.get(nameOfFact(fact)));
}

/** Memory takes in what is in the stream after that revision and before where it begins. */
async function readBack(loaded: LoadedSubject, after: bigint, streams: Pick<Streams, 'read'>): Promise<void> {
  const gap = { outcomes: new Map(loaded.outcomes), facts: new Map<string, KnownFact>() };
  for await (const recorded of streams.read(loaded.stream, after + 1n)) {
    if (recorded.revision > loaded.base) break;
    rememberFacts(gap, recorded);
  }
  for (const [commandId, outcome] of gap.outcomes) loaded.outcomes.set(commandId, outcome);
  // What is remembered of later revisions stays: a fact may have been taken back since (see reversals).
  for (const [name, known] of gap.facts) if (!loaded.facts.has(name)) loaded.facts.set(name, known);
  loaded.base = after;
}

/** What the projection has been seen to know leaves memory. */
function forgetProjected(loaded: LoadedSubject, projectedRevision: bigint): void {
  const base = projectedRevision < loaded.state.revision ? projectedRevision : loaded.state.revision;
  if (base === loaded.base) return;
  for (const [commandId, { revision }] of loaded.outcomes) if (revision <= base) loaded.outcomes.delete(commandId);
  for (const [name, { revision }] of loaded.facts) if (revision <= base) loaded.facts.delete(name);
  loaded.base = base;
}
