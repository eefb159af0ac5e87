// A fold of the log of the checker's own: what every event changes, and every balance after it.

import { amountFrom, decimalOf } from '../../scenarios/audit/decimals.ts';
import { movementsOf } from '../../scenarios/audit/money.ts';
import type { AccountEvent } from '../../scenarios/audit/reading.ts';
import { balancesSaidBy } from '../../scenarios/audit/reading.ts';
import type { LogEvent } from '../../scenarios/log.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

/** A balance from a position on. */
export interface BalanceFrom {
  readonly position: bigint;
  readonly available: string;
  readonly held: string;
}
export interface Folded {
  /** Of an account's asset, in the order of the log; none where it never moved. */
  readonly balances: ReadonlyMap<string, readonly BalanceFrom[]>;
  readonly violations: readonly Violation[];
}

interface Bucket {
  available: bigint;
  held: bigint;
  scale: number;
}

/** By so much the ledger lets a clock be ahead, and something for how it measures. */
export const MOST_AHEAD_MS = 2_000 + 500;

export const balanceName = (accountId: string, asset: string): string => `${accountId} ${asset}`;

/** The events in the order of the log, from its beginning. */
export function foldBalances(log: readonly LogEvent[]): Folded {
  const buckets = new Map<string, Bucket>();
  const balances = new Map<string, BalanceFrom[]>();
  const violations: Violation[] = [];
  const revisions = new Map<string, bigint>();
  const times = new Map<string, string>();

  function follow(event: AccountEvent): void {
    const touched = new Map<string, Bucket>();
    for (const { asset, amount, from, to } of movementsOf(event)) {
      const bucket = buckets.get(balanceName(event.account, asset)) ?? { available: 0n, held: 0n, scale: amount.scale };
      if (from === 'available' || from === 'held') bucket[from] -= amount.minor;
      if (to === 'available' || to === 'held') bucket[to] += amount.minor;
      buckets.set(balanceName(event.account, asset), bucket);
      touched.set(asset, bucket);
    }
    const said = event.type === 'fill-repeated' ? [] : (balancesSaidBy(event) ?? []);
    for (const [asset, { available, held, scale }] of touched) {
      const left = { available: decimalOf({ minor: available, scale }), held: decimalOf({ minor: held, scale }) };
      const name = balanceName(event.account, asset);
      balances.set(name, [...(balances.get(name) ?? []), { position: event.position, ...left }]);
      if (available < 0n || held < 0n)
        violations.push(violation('negative-balance', `${placed(event)} leaves ${left.available} ${asset}, ${left.held} held`));
      if (!said.includes(`${asset} ${left.available} ${left.held}`))
        violations.push(
          violation(
            'lost-update',
            `${placed(event)} says it leaves ${said.join(', ')}, and leaves ${asset} ${left.available} ${left.held}`,
          ),
        );
    }
  }

  for (const event of log) {
    const expected = (revisions.get(event.stream) ?? -1n) + 1n;
    if (event.revision !== expected) violations.push(violation('revision-gap', `${placed(event)} stands where ${expected} should`));
    revisions.set(event.stream, event.revision);
    const happened = String(event.metadata['occurredAt']);
    if (happened < (times.get(event.stream) ?? '')) violations.push(violation('time-went-back', `${placed(event)} at ${happened}`));
    times.set(event.stream, happened);
    if (event.createdMs !== undefined && Date.parse(happened) > event.createdMs + MOST_AHEAD_MS)
      violations.push(
        violation('time-ran-ahead', `${placed(event)} at ${happened}, and was stored at ${new Date(event.createdMs).toISOString()}`),
      );
    if (event.stream.startsWith('account-')) follow({ ...event, account: accountOf(event) });
  }
  return { balances, violations };
}

export const accountOf = ({ stream }: LogEvent): string => stream.slice('account-'.length);
export const placed = ({ stream, revision, position, type }: LogEvent): string => `${type} at ${stream}@${revision} (position ${position})`;

/** Whether two decimal strings say the same, whatever their scales. */
export function isSameAmount(one: string, other: string): boolean {
  const [a, b] = [amountFrom(one), amountFrom(other)];
  return a.minor * 10n ** BigInt(b.scale) === b.minor * 10n ** BigInt(a.scale);
}
