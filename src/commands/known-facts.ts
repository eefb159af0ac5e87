// Keyed facts: which keys and external ids a stream has used. Postgres answers up to its revision p, memory covers what
// came after the revision it was loaded at; where the two do not meet, the stream is read.
import type { RecordedEvent } from '../domain/events.ts';
import { paymentIdIn } from '../domain/events.ts';
import type { CommandId } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { Streams } from '../eventstore/streams.ts';
import type { AskedFacts, FoundFacts } from '../projections/facts.ts';
import type { LoadedSubject } from './account-loader.ts';
import { rememberFacts, secondUse } from './account-loader.ts';
import type { PendingCommand } from './mailbox.ts';

export interface StreamFacts {
  outcome(commandId: CommandId): StoredOutcome | undefined;
  isExternalIdUsed(externalId: string): boolean;
}

/** A stream known from its first event on needs no look-up, until memory holds this many outcomes of it. */
const MAX_REMEMBERED_WITHOUT_LOOKUP = 512;

/**
 * What the stream knows of the keys and external ids of the commands, complete up to the loaded state's revision.
 * @throws InvariantViolated where the state stands on an event of a key or external id that another event had before.
 */
export async function knownFacts(
  loaded: LoadedSubject,
  waiting: readonly PendingCommand[],
  findProjected: (question: AskedFacts) => Promise<FoundFacts>,
  streams: Pick<Streams, 'read'>,
): Promise<StreamFacts> {
  const { subject, unverified } = loaded;
  if (subject.kind === 'asset') return fromMemory(loaded); // its stream is always read from its first event on
  const isAllInMemory = loaded.base === -1n && loaded.outcomes.size <= MAX_REMEMBERED_WITHOUT_LOOKUP;
  const commandIds = waiting.flatMap(({ envelope, commandId }) => (envelope.dryRun ? [] : [commandId]));
  const externalIds = waiting.flatMap(({ envelope: { command } }) =>
    (command.type === 'deposit' || command.type === 'withdraw') && command.externalId !== undefined ? [command.externalId] : [],
  );
  commandIds.push(...unverified.map(({ metadata }) => metadata.commandId));
  externalIds.push(...unverified.flatMap((recorded) => paymentIdIn(recorded.event) ?? []));
  if (isAllInMemory || commandIds.length + externalIds.length === 0) return fromMemory(loaded);

  const projected = await findProjected({ accountId: subject.accountId, commandIds, externalIds });
  for (const recorded of unverified) verify(recorded, projected);
  unverified.length = 0;
  if (projected.revision < loaded.base) await readBack(loaded, projected.revision, streams);
  else forgetProjected(loaded, projected.revision);
  const memory = fromMemory(loaded);
  return {
    outcome: (commandId) => memory.outcome(commandId) ?? projected.outcomes.get(commandId),
    isExternalIdUsed: (externalId) => memory.isExternalIdUsed(externalId) || projected.externalIds.has(externalId),
  };
}

const fromMemory = (loaded: LoadedSubject): StreamFacts => ({
  outcome: (commandId) => loaded.outcomes.get(commandId),
  isExternalIdUsed: (externalId) => loaded.externalIds.has(externalId),
});

/** What the log holds past the ledger may repeat what the ledger never does: a key, an external id. The projector halts there, and so do we. */
function verify(recorded: RecordedEvent, { outcomes, externalIds }: FoundFacts): void {
  const { commandId } = recorded.metadata;
  const first = outcomes.get(commandId);
  if (first && first.eventId !== recorded.eventId) throw secondUse(recorded, `command ${commandId}`);
  const externalId = paymentIdIn(recorded.event);
  const user = externalId === undefined ? undefined : externalIds.get(externalId);
  if (user !== undefined && user !== commandId) throw secondUse(recorded, `externalId ${externalId}`);
}

/** The projection is behind where memory begins (it was rebuilt, or swapped): memory takes the gap in from the stream. */
async function readBack(loaded: LoadedSubject, projectedRevision: bigint, streams: Pick<Streams, 'read'>): Promise<void> {
  for await (const recorded of streams.read(loaded.stream, projectedRevision + 1n)) {
    if (recorded.revision > loaded.base) break;
    rememberFacts(loaded, recorded);
  }
  loaded.base = projectedRevision;
}

/** What the projection has been seen to know leaves memory. */
function forgetProjected(loaded: LoadedSubject, projectedRevision: bigint): void {
  const base = projectedRevision < loaded.state.revision ? projectedRevision : loaded.state.revision;
  if (base === loaded.base) return;
  for (const [commandId, { revision }] of loaded.outcomes) if (revision <= base) loaded.outcomes.delete(commandId);
  for (const [externalId, revision] of loaded.externalIds) if (revision <= base) loaded.externalIds.delete(externalId);
  loaded.base = base;
}
