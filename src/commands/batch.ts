// One turn's decisions: many commands, decided one after another against one state, and the events that will record them.
import { v7 as uuidv7 } from 'uuid';
import { shapeRefusal } from '../domain/checks.ts';
import { isInternal } from '../domain/commands.ts';
import type { SubjectState } from '../domain/decide.ts';
import { accountRefusal, decide, evolveSubject } from '../domain/decide.ts';
import type { DecisionContext, InheritedLimits } from '../domain/decision.ts';
import { occurredAt } from '../domain/decision.ts';
import type { EventMetadata, StoredEvent } from '../domain/events.ts';
import type { Fact } from '../domain/facts.ts';
import { factsIn, lookupIn, nameOfFact } from '../domain/facts.ts';
import type { AccountId, CommandId } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import { resultOf } from '../domain/outcome.ts';
import type { Rejection } from '../domain/rejections.ts';
import { isStored, rejection } from '../domain/rejections.ts';
import { canonicalTime } from '../domain/time.ts';
import type { NewEvent } from '../eventstore/codec.ts';
import type { CommandAnswer } from './bus.ts';
import type { PendingCommand } from './mailbox.ts';

/** What is known besides the state: everything true of the stream up to the state's revision. */
export interface KnownFacts {
  outcome(commandId: CommandId): StoredOutcome | undefined;
  /** By its name, see nameOfFact. */
  fact(name: string): Fact | undefined;
  readonly asset: DecisionContext['asset'];
  accountExists(accountId: AccountId): boolean;
  inheritedLimits(ownerId: string): InheritedLimits;
  /** The clock, in ms since 1970. */
  readonly nowMs: number;
}

/** How a command of the batch will be answered. `event` steps wait for the append; the others stand on the state alone. */
export type Step =
  | { readonly kind: 'event'; readonly pending: PendingCommand; readonly index: number; readonly hit: boolean }
  | { readonly kind: 'stored'; readonly pending: PendingCommand; readonly outcome: StoredOutcome }
  | { readonly kind: 'refused'; readonly pending: PendingCommand; readonly rejection: Rejection }
  | { readonly kind: 'would-apply'; readonly pending: PendingCommand; readonly answer: CommandAnswer };

export interface DecidedBatch {
  readonly steps: readonly Step[];
  /** With ids drawn for this batch alone; resent byte for byte or not at all. */
  readonly events: readonly NewEvent[];
  /** True where a step says what no append will prove, so the state must be known to be the stream's end first. */
  readonly needsEndOfStream: boolean;
}

/** The most bytes of one append, as estimated; well under the store's 1 MiB, and small enough not to cut off live subscribers. */
const MAX_BATCH_BYTES = 512 * 1024;
/** An event's size without what the client may make long. */
const EVENT_BYTES = 1536;

interface BatchEvent {
  readonly index: number;
  readonly commandHash: string;
}

/**
 * Decides the commands in order, each on the state that those before it leave. Takes as many as fit one append, at least one;
 * `steps.length` says how many.
 */
export function decideBatch(start: SubjectState, waiting: readonly PendingCommand[], position: bigint, known: KnownFacts): DecidedBatch {
  const steps: Step[] = [];
  const events: NewEvent[] = [];
  const decidedHere = new Map<CommandId, BatchEvent>();
  const factsHere = new Map<string, Fact>();
  const fact = lookupIn({ get: (name) => factsHere.get(name) ?? known.fact(name) });
  let state = start;
  let bytes = 0;
  let needsEndOfStream = false;

  const record = (pending: PendingCommand, eventId: string, event: StoredEvent, at: string): void => {
    const { commandId, commandHash } = pending;
    decidedHere.set(commandId, { index: events.length, commandHash });
    steps.push({ kind: 'event', pending, index: events.length, hit: event.type === 'fill-repeated' });
    events.push({ eventId, event, metadata: metadataOf(pending, at) });
    state = evolveSubject(state, { event, revision: state.revision + 1n, occurredAt: at });
    if (state.kind !== 'account') return;
    const { accountId, revision } = state;
    for (const made of factsIn({ event, eventId, revision, commandId, accountId })) factsHere.set(nameOfFact(made), made);
  };
  const refuse = (pending: PendingCommand, refusal: Rejection, isFinal: boolean): void => {
    steps.push({ kind: 'refused', pending, rejection: refusal });
    needsEndOfStream ||= !isFinal;
  };

  for (const pending of waiting) {
    const { envelope, commandId, commandHash } = pending;
    const { command, dryRun } = envelope;
    const size = sizeOf(pending);
    if (events.length > 0 && bytes + size > MAX_BATCH_BYTES) break;

    const malformed = shapeRefusal(command, known);
    if (malformed) {
      refuse(pending, malformed, true); // an asset's scale never changes: no later event makes the amount fit
      continue;
    }
    const notThere = accountRefusal(command, state, envelope.onlyOwner);
    if (notThere) {
      refuse(pending, notThere, false);
      continue;
    }
    const earlier = dryRun ? undefined : decidedHere.get(commandId);
    const outcome = dryRun ? undefined : known.outcome(commandId);
    const first = earlier ?? outcome;
    if (first && first.commandHash !== commandHash) {
      refuse(pending, keyReused(pending.envelope.key), true); // stored before, or by the very append that this answer waits for
      continue;
    }
    if (earlier) {
      steps.push({ kind: 'event', pending, index: earlier.index, hit: true });
      continue;
    }
    if (outcome) {
      steps.push({ kind: 'stored', pending, outcome });
      continue;
    }
    if (envelope.ifMatch !== undefined && envelope.ifMatch !== state.revision) {
      refuse(pending, movedOn(envelope.ifMatch, state.revision), false);
      continue;
    }
    const at = occurredAt(known.nowMs, state.lastOccurredAt);
    const eventId = uuidv7(); // the time in front keeps neighbours together in the indexes of what is found by it
    const decision = decide(command, state, {
      asset: known.asset,
      fact,
      accountExists: known.accountExists,
      side: envelope.onlyOwner === undefined ? 'operator' : 'user',
      eventId,
      occurredAt: at,
      inheritedLimits: command.type === 'open-account' && command.ownerId !== undefined ? known.inheritedLimits(command.ownerId) : [],
    });
    // What the ledger asks of itself leaves an event only where it has an effect: the same may have to be asked again.
    if (decision.kind === 'rejected' && (dryRun || isInternal(command) || !isStored(decision.rejection))) {
      refuse(pending, decision.rejection, false);
      continue;
    }
    const event = decision.kind === 'accepted' ? decision.event : rejectedEvent(pending, decision.rejection);
    if (dryRun) {
      steps.push({ kind: 'would-apply', pending, answer: wouldApply(pending, eventId, event, state, position) });
      needsEndOfStream = true;
      continue;
    }
    record(pending, eventId, event, at);
    bytes += size;
  }
  return { steps, events, needsEndOfStream };
}

function sizeOf({ envelope: { command, key } }: PendingCommand): number {
  const metadata = 'metadata' in command && command.metadata !== undefined ? JSON.stringify(command.metadata).length : 0;
  return EVENT_BYTES + key.length + 4 * metadata;
}

function metadataOf({ envelope, commandId, commandHash }: PendingCommand, at: string): EventMetadata {
  const { key, correlationId, causationId = commandId, traceparent, actor, transport, command } = envelope;
  return {
    key,
    commandId,
    commandHash,
    correlationId,
    causationId,
    ...(traceparent === undefined ? {} : { traceparent }),
    actor,
    transport,
    occurredAt: at,
    ...('effectiveAt' in command && command.effectiveAt !== undefined ? { effectiveAt: canonicalTime(command.effectiveAt) } : {}),
  };
}

const rejectedEvent = ({ envelope }: PendingCommand, { code, detail, fields }: Rejection): StoredEvent => ({
  type: 'command-rejected',
  version: 1,
  commandType: envelope.command.type,
  code,
  detail,
  fields,
});

/** Another command has had the key. */
export const keyReused = (key: string): Rejection => rejection('idempotency_key_reused', `The key "${key}" was used for another command.`);

const movedOn = (expected: bigint, actual: bigint): Rejection =>
  rejection('revision_mismatch', `Revision ${expected} was asked for, the account is at ${actual}.`, {
    expectedRevision: expected.toString(),
    currentRevision: actual.toString(),
  });

function wouldApply(pending: PendingCommand, eventId: string, event: StoredEvent, state: SubjectState, position: bigint): CommandAnswer {
  const subject =
    state.kind === 'account' ? ({ kind: 'account', accountId: state.accountId } as const) : ({ kind: 'asset', code: state.code } as const);
  return {
    status: 'would_apply',
    hit: false,
    commandId: pending.commandId,
    ...(subject.kind === 'account' ? { accountId: subject.accountId } : {}),
    revision: state.revision,
    position,
    balances: 'balances' in event ? event.balances : [],
    result: resultOf(event, subject, eventId),
  };
}
