// Command handling: from a command to its answer. One turn of a mailbox takes what waits for an account, decides it in
// order against the account's own history, and appends all outcomes, applied and refused alike, in one call.
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNever } from '../domain/assert-never.ts';
import { scopeOf } from '../domain/commands.ts';
import type { InheritedLimits } from '../domain/decision.ts';
import type { RecordedEvent, Subject } from '../domain/events.ts';
import { accountStream, assetStream } from '../domain/events.ts';
import type { CommandId } from '../domain/ids.ts';
import { commandIdOf } from '../domain/ids.ts';
import { InvariantViolated } from '../domain/invariant.ts';
import { outcomeOf } from '../domain/outcome.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import { StoreUnavailable, UnreadableEvent } from '../eventstore/errors.ts';
import type { AppendOutcome, Streams } from '../eventstore/streams.ts';
import type { AskedFacts, FoundFacts } from '../projections/facts.ts';
import type { AccountExistence } from './account-existence.ts';
import type { AccountLoader, LoadedSubject } from './account-loader.ts';
import { answerOf, refusalOf } from './answers.ts';
import type { AssetRegistry } from './asset-registry.ts';
import type { DecidedBatch, Step } from './batch.ts';
import { decideBatch } from './batch.ts';
import type { CommandAnswer, CommandEnvelope } from './bus.ts';
import { makeDoubts } from './doubts.ts';
import { commandHashOf } from './idempotency.ts';
import { knownFacts } from './known-facts.ts';
import type { PendingCommand } from './mailbox.ts';
import { makeMailboxes } from './mailbox.ts';
import type { CommandSequence } from './sequence.ts';
import { isWithoutOutcome } from './sequence.ts';
import type { Spans } from './spans.ts';
import { appendSpans, endOf, handlingSpan } from './traced-commands.ts';

export interface CommandHandlerOptions {
  readonly streams: Streams;
  readonly accounts: AccountLoader;
  readonly assets: AssetRegistry;
  readonly existence: AccountExistence;
  readonly findProjected: (question: AskedFacts) => Promise<FoundFacts>;
  readonly inheritedLimits: (ownerId: string) => Promise<InheritedLimits>;
  /** A refusal of every command, while the ledger must not take any (lag, clock); undefined: go ahead. */
  readonly admission: () => Rejection | undefined;
  /** The time that events get. It may be set, so what waits goes by another clock, which cannot be. */
  readonly now: () => number;
  readonly maxWaitingPerAccount: number;
  readonly maxWaiting: number;
  /** How long an append of unknown outcome is resent before the answer is outcome_unknown. */
  readonly doubtBudgetMs: number;
  /** How long a batch is decided again after conflicts before the answer is overloaded. */
  readonly conflictBudgetMs: number;
  readonly observe: CommandObserver;
  /** Absent where nobody traces. */
  readonly spans?: Spans | undefined;
}

/** What is worth counting; see the metrics' names in src/telemetry. */
export interface CommandObserver {
  answered(envelope: CommandEnvelope, answer: CommandAnswer, durationMs: number): void;
  appended(events: number, durationMs: number): void;
  conflicted(): void;
  failed(stream: string, error: unknown): void;
}

export interface CommandHandler {
  /** Never rejects. Commands of one account, handed in one after another without waiting, are decided in that order. */
  handle(envelope: CommandEnvelope, sequence?: CommandSequence): Promise<CommandAnswer>;
  /** Commands taken and not yet answered. */
  waiting(): number;
  /** Takes no more; resolves when every command taken is answered. */
  drain(): Promise<void>;
}

/** The most events of one append: the real server cuts off live subscribers on much larger ones. */
const MAX_BATCH = 128;
const FIRST_RESEND_MS = 50;
const LAST_RESEND_MS = 1000;
/** Conflicts in a row before a turn waits a little, so that two processes at one account do not keep undoing each other's work. */
const CONFLICTS_BEFORE_WAIT = 2;
const MAX_CONFLICT_WAIT_MS = 20;

export function makeCommandHandler(options: CommandHandlerOptions): CommandHandler {
  const { streams, accounts, assets, existence, observe, spans } = options;
  const doubts = makeDoubts();
  const mailboxes = makeMailboxes({
    turn,
    maxBatch: MAX_BATCH,
    maxWaitingPerStream: options.maxWaitingPerAccount,
    maxWaiting: options.maxWaiting,
  });
  /** The commands taken and not yet answered, dry runs apart. */
  const underWay = new Set<CommandId>();
  let isDraining = false;
  /** True since an append had no answer: before the next attempt the store has to show that it is there. */
  let isStoreSuspect = false;

  /** Answers without anything stored; where an earlier attempt of the same command is in doubt, that is what is said. */
  const refuse = (stream: string, pending: PendingCommand, refusal: Rejection): void =>
    pending.answer(refusalOf(pending, doubts.has(stream, pending.commandId) ? unknownOutcome() : refusal));

  async function turn(stream: string, subject: Subject, taken: readonly PendingCommand[]): Promise<readonly PendingCommand[]> {
    const waiting = taken.filter(({ sequence }) => sequence?.isBroken !== true);
    for (const pending of taken) if (pending.sequence?.isBroken === true) refuse(stream, pending, outOfSequence());
    if (waiting.length === 0) return [];
    for (let isRepeated = false; ; isRepeated = true) {
      try {
        return await decideAndAppend(await accounts.load(stream, subject), waiting);
      } catch (error) {
        // Whatever threw, it was before an append or after the store's definite no: nothing of this turn is in the log.
        accounts.forget(stream);
        observe.failed(stream, error);
        // What was in memory may stand before an event that has been annulled since; the projection stands behind it.
        if (error instanceof InvariantViolated && !isRepeated) continue;
        for (const pending of waiting) refuse(stream, pending, refusalFor(error));
        return [];
      }
    }
  }

  /**
   * Guarantees: an answer is given only for what the store has acknowledged; a command whose key is known gets its first outcome.
   * @returns the commands that one append had no room for.
   */
  async function decideAndAppend(loaded: LoadedSubject, waiting: readonly PendingCommand[]): Promise<readonly PendingCommand[]> {
    const { stream } = loaded;
    const giveUpAt = performance.now() + options.conflictBudgetMs;
    let provenEnd = -2n; // the revision at which the stream was seen to end, in this turn
    for (let conflicts = 0; performance.now() < giveUpAt; ) {
      const batch = await decideWaiting(loaded, waiting);
      if (batch.needsEndOfStream && provenEnd !== loaded.state.revision) {
        await accounts.readTail(loaded);
        doubts.settle(stream, loaded.state.revision);
        provenEnd = loaded.state.revision;
        continue; // decide again: what was read may change every answer, and if nothing was, it costs only time
      }
      const left = waiting.slice(batch.steps.length);
      if (batch.events.length === 0) {
        for (const step of batch.steps) answer(stream, step, []);
        return left;
      }
      const outcome = await append(loaded, batch);
      switch (outcome.kind) {
        case 'appended': {
          finish(loaded, batch, outcome.position);
          return left;
        }
        case 'conflict': // somebody else wrote: our state is old, so every decision may be wrong
          observe.conflicted();
          conflicts += 1;
          if (conflicts > CONFLICTS_BEFORE_WAIT) await sleep(Math.random() * MAX_CONFLICT_WAIT_MS);
          await accounts.readTail(loaded);
          doubts.settle(stream, loaded.state.revision);
          continue;
        case 'refused':
          for (const pending of waiting) {
            refuse(stream, pending, rejection('store_unavailable', `The event store refused the append: ${outcome.reason}`));
          }
          return [];
        case 'unknown':
          leaveInDoubt(stream, batch, outcome.error);
          return left;
        default:
          return assertNever(outcome);
      }
    }
    for (const pending of waiting) refuse(stream, pending, rejection('overloaded', 'Too many others write to this account at once.'));
    return [];
  }

  /** The append is acknowledged: answers, and takes the events into the state. Never throws, for nobody may now be told that nothing was stored. */
  function finish(loaded: LoadedSubject, batch: DecidedBatch, position: bigint): void {
    const { stream } = loaded;
    try {
      const recorded = recordedEvents(loaded, batch, position);
      for (const step of batch.steps) answer(stream, step, recorded);
      accounts.remember(loaded, recorded);
      doubts.settle(stream, loaded.state.revision);
    } catch (error) {
      leaveInDoubt(stream, batch, error);
    }
  }

  function leaveInDoubt(stream: string, batch: DecidedBatch, error: unknown): void {
    accounts.forget(stream);
    observe.failed(stream, error);
    // A refusal may stand on an event of this very batch, so only what was stored before is sure.
    for (const step of batch.steps) {
      if (step.kind === 'stored') answer(stream, step, []);
      else step.pending.answer(refusalOf(step.pending, unknownOutcome()));
    }
  }

  async function decideWaiting(loaded: LoadedSubject, waiting: readonly PendingCommand[]): Promise<DecidedBatch> {
    const commands = waiting.map(({ envelope }) => envelope.command);
    const owners = commands.flatMap((command) =>
      command.type === 'open-account' && command.ownerId !== undefined ? [command.ownerId] : [],
    );
    const [asset, accountExists, facts, inherited] = await Promise.all([
      assets.resolve(commands),
      existence.resolve(commands),
      knownFacts(loaded, waiting, options.findProjected, streams),
      Promise.all(owners.map(async (ownerId) => [ownerId, await options.inheritedLimits(ownerId)] as const)),
    ]);
    const limitsByOwner = new Map(inherited);
    return decideBatch(loaded.state, waiting, loaded.position, {
      asset,
      accountExists,
      outcome: facts.outcome,
      fact: facts.fact,
      inheritedLimits: (ownerId) => limitsByOwner.get(ownerId) ?? [],
      nowMs: options.now(),
    });
  }

  /** One append; after an unknown outcome the same bytes are resent, which settles it either way, until the budget is used up. */
  async function append({ stream, state }: LoadedSubject, batch: DecidedBatch): Promise<AppendOutcome> {
    if (isStoreSuspect) {
      await streams.head(); // throws StoreUnavailable: nothing was attempted for these commands
      isStoreSuspect = false;
    }
    const startedAt = performance.now();
    const appending = spans && appendSpans(spans, batch);
    let outcome = await streams.append(stream, batch.events, { expecting: state.revision });
    for (let pauseMs = FIRST_RESEND_MS; outcome.kind === 'unknown' && performance.now() - startedAt < options.doubtBudgetMs; ) {
      await sleep(pauseMs);
      pauseMs = Math.min(2 * pauseMs, LAST_RESEND_MS);
      const again = await streams.append(stream, batch.events, { expecting: state.revision });
      // A refusal now says nothing of the attempt before.
      if (again.kind !== 'refused') outcome = again;
    }
    const failure = outcome.kind === 'appended' ? undefined : outcome.kind;
    for (const span of appending ?? []) span.end({ failure });
    if (outcome.kind === 'unknown') {
      isStoreSuspect = true;
      doubts.add(
        stream,
        state.revision,
        batch.steps.map(({ pending }) => pending.commandId),
      );
    } else if (outcome.kind === 'appended') observe.appended(batch.events.length, performance.now() - startedAt);
    return outcome;
  }

  function answer(stream: string, step: Step, recorded: readonly RecordedEvent[]): void {
    switch (step.kind) {
      case 'event': {
        const event = recorded[step.index];
        const outcome = event && outcomeOf(event);
        if (!outcome) throw new Error('a decided event states no outcome');
        step.pending.answer(answerOf(outcome, step.hit));
        break;
      }
      case 'stored':
        step.pending.answer(answerOf(step.outcome, true));
        break;
      case 'refused':
        refuse(stream, step.pending, step.rejection);
        break;
      case 'would-apply':
        step.pending.answer(step.answer);
        break;
      default:
        assertNever(step);
    }
  }

  return {
    handle: (sent, sequence) =>
      new Promise((resolve) => {
        const startedAt = performance.now();
        let isAnswered = false;
        const { command } = sent;
        const subject: Subject =
          command.type === 'register-asset' ? { kind: 'asset', code: command.code } : { kind: 'account', accountId: command.accountId };
        const stream = subject.kind === 'account' ? accountStream(subject.accountId) : assetStream(subject.code);
        const commandId = commandIdOf(scopeOf(command), sent.key);
        const span = spans && handlingSpan(spans, sent, commandId);
        // What is done because of the event is part of this, unless the sender said what it is part of.
        const envelope = span && sent.traceparent === undefined ? { ...sent, traceparent: span.traceparent } : sent;
        let isFirst = false;
        const pending: PendingCommand = {
          envelope,
          commandId,
          commandHash: commandHashOf(command),
          ...(sequence && { sequence }),
          ...(span && { span }),
          answer: (given) => {
            if (isAnswered) return;
            isAnswered = true;
            if (sequence && isWithoutOutcome(given)) sequence.isBroken = true;
            if (isFirst) underWay.delete(commandId);
            observe.answered(envelope, given, performance.now() - startedAt);
            span?.end(endOf(given));
            resolve(given);
          },
        };
        const refusal = isDraining ? rejection('overloaded', 'The ledger is shutting down.') : options.admission();
        // A repeat that cannot wait for the first must not be told that it never will be applied: the first may be.
        const turnAway = (why: Rejection): void =>
          refuse(stream, pending, underWay.has(commandId) && !envelope.dryRun ? unknownOutcome() : why);
        if (refusal) return turnAway(refusal);
        if (sequence?.isBroken) return turnAway(outOfSequence());
        if (!mailboxes.post(stream, subject, pending)) return turnAway(rejection('overloaded', 'Too many commands are waiting.'));
        isFirst = !envelope.dryRun && !underWay.has(commandId);
        if (isFirst) underWay.add(commandId);
      }),
    waiting: mailboxes.size,
    drain() {
      isDraining = true;
      return mailboxes.idle();
    },
  };
}

/** The events of an acknowledged append as a reader of the stream will see them. Every one is visible once the last one is. */
function recordedEvents({ stream, subject, state }: LoadedSubject, batch: DecidedBatch, position: bigint): readonly RecordedEvent[] {
  return batch.events.map(({ eventId, event, metadata }, index) => ({
    stream,
    subject,
    revision: state.revision + 1n + BigInt(index),
    position,
    eventId,
    event,
    metadata,
  }));
}

const outOfSequence = (): Rejection => rejection('overloaded', 'It waits for a command before it.');

const unknownOutcome = (): Rejection =>
  rejection(
    'outcome_unknown',
    'The event store has not said whether this was stored. Send it again with the same key to learn its outcome.',
  );

function refusalFor(error: unknown): Rejection {
  if (error instanceof StoreUnavailable) return rejection('store_unavailable', `Nothing was stored: ${error.message}.`);
  if (error instanceof UnreadableEvent || error instanceof InvariantViolated) {
    return rejection('projection_behind', `The account's log cannot be applied: ${error.message}`);
  }
  return rejection('projection_behind', "The account's state cannot be read right now.");
}
