// The states that commands are decided on: hot ones in memory, others from the projection, and always as far as a
// conflict proves they have to be read on. A stale state costs a conflict, never a wrong answer.
import { Map as PersistentMap } from 'immutable';
import { LRUCache } from 'lru-cache';
import type { Account } from '../domain/account.ts';
import { balanceFrom, emptyAccount } from '../domain/account.ts';
import { parseDecimal } from '../domain/amounts.ts';
import { unregisteredAsset } from '../domain/asset-stream.ts';
import type { SubjectState } from '../domain/decide.ts';
import { evolveSubject } from '../domain/decide.ts';
import type { RecordedEvent, Subject } from '../domain/events.ts';
import { accountStream } from '../domain/events.ts';
import type { Fact } from '../domain/facts.ts';
import { factsIn, nameOfFact } from '../domain/facts.ts';
import type { AccountId, CommandId } from '../domain/ids.ts';
import { InvariantViolated } from '../domain/invariant.ts';
import { limitsFrom, NOTHING_SPENT } from '../domain/limits.ts';
import { holdFrom } from '../domain/open-holds.ts';
import { orderFrom } from '../domain/open-orders.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import { outcomeOf } from '../domain/outcome.ts';
import { transferFrom } from '../domain/transfers-under-way.ts';
import type { Streams } from '../eventstore/streams.ts';
import type { AccountRow } from '../projections/accounts.ts';

/** A stream as this process knows it. Used by the stream's own mailbox alone, so it may change in place. */
export interface LoadedSubject {
  readonly stream: string;
  readonly subject: Subject;
  state: SubjectState;
  /** The position of the state's last event; 0 before the first. */
  position: bigint;
  /** What memory knows: the outcomes and facts of the revisions above `base` up to the state's. */
  base: bigint;
  /** How often the projection was asked for what is not in memory. */
  lookups: number;
  readonly outcomes: Map<CommandId, StoredOutcome>;
  /** By their names, see nameOfFact. */
  readonly facts: Map<string, KnownFact>;
  /** Read from the stream, so written by others: what memory does not know of their keys and payments is still to be looked up. */
  readonly unverified: RecordedEvent[];
}

export interface KnownFact {
  readonly revision: bigint;
  readonly fact: Fact;
}

export interface AccountLoader {
  /**
   * The stream's state: the one in memory, else the projection's, else a fold of the stream.
   * @throws StoreUnavailable, UnreadableEvent, InvariantViolated, or the database's error.
   */
  load(stream: string, subject: Subject): Promise<LoadedSubject>;
  /** Reads the stream on from the state to its end. */
  readTail(loaded: LoadedSubject): Promise<void>;
  /** Takes in events that are in the stream now, right behind the state. */
  remember(loaded: LoadedSubject, events: readonly RecordedEvent[]): void;
  /** Drops a state that is in doubt; the next command loads it anew. */
  forget(stream: string): void;
  /** Drops every state. */
  forgetAll(): void;
}

export interface AccountLoaderOptions {
  readonly streams: Pick<Streams, 'read'>;
  /** The account's row in the projection. */
  readonly loadRow: (accountId: AccountId) => Promise<AccountRow | 'absent'>;
  /** The most streams kept in memory. */
  readonly maxCached: number;
}

export function makeAccountLoader({ streams, loadRow, maxCached }: AccountLoaderOptions): AccountLoader {
  const cache = new LRUCache<string, LoadedSubject>({ max: maxCached });

  const remember = (loaded: LoadedSubject, events: readonly RecordedEvent[]): void => {
    for (const recorded of events) {
      const { event, revision, metadata } = recorded;
      loaded.state = evolveSubject(loaded.state, {
        event,
        revision,
        ...(event.type === 'annulled' ? {} : { occurredAt: metadata.occurredAt }),
      });
      loaded.position = recorded.position;
      rememberFacts(loaded, recorded);
    }
    if (events.length > 0) cache.set(loaded.stream, loaded);
  };
  const readTail = async (loaded: LoadedSubject): Promise<void> => {
    for await (const recorded of streams.read(loaded.stream, loaded.state.revision + 1n)) {
      remember(loaded, [recorded]);
      if (loaded.base !== -1n && recorded.event.type !== 'annulled') loaded.unverified.push(recorded);
    }
  };

  return {
    async load(stream, subject) {
      const cached = cache.get(stream);
      if (cached) return cached;
      const row = subject.kind === 'account' ? await loadRow(subject.accountId) : 'absent';
      if (subject.kind === 'account' && row !== 'absent') {
        const loaded = loadedFrom(subject, accountFrom(subject.accountId, row), row.position);
        cache.set(stream, loaded);
        return loaded;
      }
      // Not projected: the stream has the answer, even where it is that there is none.
      const state = subject.kind === 'account' ? emptyAccount(subject.accountId) : unregisteredAsset(subject.code);
      const loaded: LoadedSubject = { ...blank(stream, subject), state };
      await readTail(loaded);
      return loaded;
    },
    readTail,
    remember,
    forget: (stream) => void cache.delete(stream),
    forgetAll: () => cache.clear(),
  };
}

/** The facts that a recorded event makes known; none of an asset's. */
export const factsOf = ({ subject, event, eventId, revision, metadata: { commandId } }: RecordedEvent): readonly Fact[] =>
  subject.kind === 'account' ? factsIn({ event, eventId, revision, commandId, accountId: subject.accountId }) : [];

/**
 * Takes an event's outcome and facts into memory. Annulled events state neither.
 * @throws InvariantViolated where another event has its key, payment or fill: it was written past the ledger, and no projection will take it.
 */
export function rememberFacts(loaded: Pick<LoadedSubject, 'outcomes' | 'facts'>, recorded: RecordedEvent): void {
  const outcome = outcomeOf(recorded);
  if (outcome) {
    const known = loaded.outcomes.get(outcome.commandId);
    if (known && known.eventId !== outcome.eventId) throw secondUse(recorded, `command ${outcome.commandId}`);
    loaded.outcomes.set(outcome.commandId, outcome);
  }
  for (const fact of factsOf(recorded)) {
    const name = nameOfFact(fact);
    checkFirstUse(recorded, fact, loaded.facts.get(name)?.fact);
    loaded.facts.set(name, { revision: recorded.revision, fact });
  }
}

/** @throws InvariantViolated where a payment or a fill, which count once, is another command's already. */
export function checkFirstUse(recorded: RecordedEvent, fact: Fact, known: Fact | undefined): void {
  if (known === undefined || !('commandId' in fact) || !('commandId' in known) || known.commandId === fact.commandId) return;
  throw secondUse(recorded, nameOfFact(fact));
}

export const secondUse = ({ stream, revision }: RecordedEvent, of: string): InvariantViolated =>
  new InvariantViolated(`${stream}@${revision} is a second event of ${of}`);

const blank = (stream: string, subject: Subject) => ({
  stream,
  subject,
  position: 0n,
  base: -1n,
  lookups: 0,
  outcomes: new Map<CommandId, StoredOutcome>(),
  facts: new Map<string, KnownFact>(),
  unverified: [],
});

const loadedFrom = (subject: Subject & { readonly kind: 'account' }, state: Account, position: bigint): LoadedSubject => ({
  ...blank(accountStream(subject.accountId), subject),
  state,
  position,
  base: state.revision,
});

/** The state that the projection's rows say. */
export function accountFrom(accountId: AccountId, row: AccountRow): Account {
  const day =
    row.spending
      .map((entry) => entry.day)
      .toSorted()
      .at(-1) ?? NOTHING_SPENT.day;
  const spentThatDay = row.spending.filter((entry) => entry.day === day);
  return {
    kind: 'account',
    accountId,
    status: row.status,
    revision: row.revision,
    ...(row.ownerId === undefined ? {} : { ownerId: row.ownerId }),
    balances: new Map(row.balances.map(({ asset, available, held }) => [asset, balanceFrom(available, held)])),
    limits: new Map(row.limits.map((entry) => [entry.asset, limitsFrom(entry)])),
    holds: PersistentMap(row.holds.map((hold) => [hold.holdId, holdFrom(hold)])),
    orders: PersistentMap(row.orders.map((order) => [order.orderId, orderFrom(order)])),
    transfers: PersistentMap(row.transfers.map((sent) => [sent.transferId, transferFrom(sent)])),
    spending: { day, byAsset: new Map(spentThatDay.map(({ asset, amount }) => [asset, parseDecimal(amount).minor])) },
    lastOccurredAt: row.lastOccurredAt,
  };
}
