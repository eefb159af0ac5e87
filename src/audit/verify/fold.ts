// The auditor's fold: the log read once from its beginning, every promise of docs/domain.md looked after at every event. It shares
// nothing with the ledger but the schemas of events, so that a mistake in there cannot hide in its own check.
import type { RecordedEvent } from '../../domain/events.ts';
import type { UnreadableEvent } from '../../eventstore/errors.ts';
import type { LogRecord } from '../../eventstore/log.ts';
import type { Commands } from './commands.ts';
import { makeCommands } from './commands.ts';
import { decimalOf } from './decimals.ts';
import type { Holds } from './holds.ts';
import { makeHolds } from './holds.ts';
import type { Lives } from './lives.ts';
import { makeLives } from './lives.ts';
import type { JournalLine, Money } from './money.ts';
import { makeMoney } from './money.ts';
import type { Findings, Observed } from './observation.ts';
import { canonicalTime } from './observation.ts';
import type { Orders } from './orders.ts';
import { makeOrders } from './orders.ts';
import type { Papers, Shelf } from './papers.ts';
import type { Reversals } from './reversals.ts';
import { makeReversals } from './reversals.ts';
import { makeSpendingLimits } from './spending-limits.ts';
import type { Statistics } from './statistics.ts';
import { makeStatistics } from './statistics.ts';
import type { Transfers } from './transfers.ts';
import { makeTransfers } from './transfers.ts';

/** What an event leaves for the journal. */
export interface Booked {
  readonly observed: Observed;
  readonly lines: readonly JournalLine[];
}

/** The last event of a stream, whatever it says. */
export interface StreamEnd {
  readonly revision: string;
  readonly position: string;
}

/** What the log comes to. */
export interface Books {
  readonly money: Money;
  readonly lives: Lives;
  readonly holds: Holds;
  readonly orders: Orders;
  readonly transfers: Transfers;
  readonly reversals: Reversals;
  readonly commands: Commands;
  readonly statistics: Statistics;
  /** By stream. */
  readonly ends: Shelf<StreamEnd>;
  /** By code: everything that was registered with it. */
  readonly assets: ReadonlyMap<string, Extract<Observed['event'], { type: 'asset-registered' }>>;
}

export interface Fold {
  /**
   * Follows the next record of the log. @param says what it is; undefined where it has no effect at all.
   * @returns what it books; undefined where it books nothing.
   */
  follow(record: LogRecord, says: RecordedEvent | UnreadableEvent | undefined): Booked | undefined;
  /** What must be true of all of it together. To be called at the end. */
  checkWhole(): void;
  readonly books: Books;
}

export function makeFold(papers: Papers, { tell, add }: Findings): Fold {
  const money = makeMoney(papers, tell);
  const lives = makeLives(papers, tell);
  const limits = makeSpendingLimits(papers, tell);
  const holds = makeHolds(papers, money, tell);
  const orders = makeOrders(papers, money, tell);
  const transfers = makeTransfers(papers, tell);
  const reversals = makeReversals(papers, tell);
  const commands = makeCommands(papers, money, tell);
  const statistics = makeStatistics();
  const ends = papers.shelf<StreamEnd>();
  const assets = new Map<string, Extract<Observed['event'], { type: 'asset-registered' }>>();
  let lastPosition = -1n;
  let recordedAt = '';

  function checkPlace(record: LogRecord, isAnnulled: boolean): void {
    const { stream, revision, position } = record;
    if (position <= lastPosition)
      tell(record, 'out_of_order', 'It does not stand behind the event before it.', {
        expected: `a position above ${lastPosition}`,
        found: `${position}`,
      });
    lastPosition = position;
    const expected = BigInt(ends.get(stream)?.revision ?? -1) + 1n;
    // An event may have been annulled because of the gap before it.
    if (revision !== expected && !isAnnulled)
      tell(
        record,
        'gap',
        revision > expected ? 'Events are missing before it in its stream.' : 'Its revision was there before in its stream.',
        {
          expected: `revision ${expected}`,
          found: `revision ${revision}`,
        },
      );
    ends.put(stream, { revision: `${revision}`, position: `${position}` });
  }

  function followAccount(observed: Observed): Booked | undefined {
    const { accountId, event } = observed;
    lives.follow(observed, () => money.isEmpty(accountId) && transfers.underWayFrom(accountId) === 0);
    limits.follow(observed);
    const lines = money.book(observed);
    holds.follow(observed);
    orders.follow(observed);
    transfers.follow(observed, (id) => lives.statusOf(id) !== 'none');
    reversals.follow(observed);
    money.checkReserved(observed, lines);
    if (event.type === 'asset-registered') tell(observed.at, 'wrong_stream', 'An asset is registered in the stream of an account.');
    return lines.length === 0 ? undefined : { observed, lines };
  }

  function followAsset(at: RecordedEvent, event: Observed['event'], code: string): void {
    if (event.type === 'command-rejected') return;
    if (event.type !== 'asset-registered' || event.code !== code) {
      tell(at, 'wrong_stream', `A ${event.type} event stands in the stream of asset ${code}.`);
      return;
    }
    if (assets.has(code)) tell(at, 'asset', `Asset ${code} is registered again.`);
    assets.set(code, event);
    money.register(code, event.scale);
  }

  function follow(record: LogRecord, says: RecordedEvent | UnreadableEvent | undefined): Booked | undefined {
    if (says === undefined) {
      checkPlace(record, true);
      return undefined;
    }
    if (says instanceof Error) {
      checkPlace(record, false);
      tell(record, 'unreadable', `It cannot be read: ${says.reason}.`);
      return undefined;
    }
    const { event, subject, metadata } = says;
    checkPlace(record, event.type === 'annulled');
    if (event.type === 'annulled') return undefined;
    const occurredAt = canonicalTime(metadata.occurredAt);
    if (occurredAt > recordedAt) recordedAt = occurredAt;
    commands.follow(says, event);
    statistics.count(event);
    if (subject.kind === 'account') return followAccount({ at: says, accountId: subject.accountId, event, occurredAt, recordedAt });
    followAsset(says, event, subject.code);
    return undefined;
  }

  function checkWhole(): void {
    commands.checkKeys();
    const sums = new Map([...assets.keys()].map((asset) => [asset, 0n]));
    const count = (key: string, minor: bigint): void => {
      const asset = key.slice(key.indexOf(' ') + 1);
      sums.set(asset, (sums.get(asset) ?? 0n) + minor);
    };
    for (const [key, { available, held }] of money.balances.entries()) count(key, BigInt(available) + BigInt(held));
    for (const [key, minor] of money.system) count(key, minor);
    const shown = (asset: string, minor: bigint): string => `${decimalOf(minor, money.scaleOf(asset) ?? 0)} ${asset}`;
    for (const [asset, sum] of sums)
      if (sum !== 0n)
        add({
          kind: 'trial_balance',
          detail: `What all accounts have of ${asset}, the system's among them, does not come to zero.`,
          expected: shown(asset, 0n),
          found: shown(asset, sum),
        });
    const inTransit = transfers.inTransit();
    for (const asset of assets.keys()) {
      const [found, expected] = [money.system.get(`@transit ${asset}`) ?? 0n, inTransit.get(asset) ?? 0n];
      if (found !== expected)
        add({
          kind: 'transit',
          detail: `@transit does not hold what is under way of ${asset}.`,
          expected: shown(asset, expected),
          found: shown(asset, found),
        });
    }
  }

  return { follow, checkWhole, books: { money, lives, holds, orders, transfers, reversals, commands, statistics, ends, assets } };
}
