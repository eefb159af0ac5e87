// Logs that the ledger could have written, drawn at random, with what a fold that knows nothing of batches or SQL makes of them.
import fc from 'fast-check';
import type { RecordedEvent, StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId, AssetCode, HoldId, OrderId, TransferId } from '../../src/domain/ids.ts';
import { AccountIdSchema } from '../../src/domain/ids.ts';
import { annulled } from '../../src/eventstore/codec.ts';
import {
  BTC,
  coinRemoved,
  coinUpdated,
  deposited,
  holdCaptured,
  holdEnded,
  holdPlaced,
  newEvent,
  newHoldId,
  newOrderId,
  opened,
  orderEnded,
  orderFilled,
  orderPlaced,
  rejected,
  USD,
  withdrawn,
} from '../eventstore/new-events.ts';
import type { TransferEvents } from './transfer-events.ts';
import { transferBetween } from './transfer-events.ts';

type Step = readonly [account: number, kind: number, minor: number, day: number];
export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.tuple(fc.nat(4), fc.nat(18), fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 28 })),
  { minLength: 1, maxLength: 120 },
);

/** What has become of a hold, in cents. */
interface Held {
  readonly accountId: AccountId;
  readonly amount: bigint;
  remaining: bigint;
  captured: bigint;
  status: 'open' | 'captured' | 'released' | 'expired';
}
/** What has become of an order of dollars for bitcoins, in cents and satoshis. */
interface Ordered {
  readonly accountId: AccountId;
  readonly amountIn: bigint;
  filledIn: bigint;
  filledOut: bigint;
  status: 'pending' | 'executed' | 'cancelled' | 'expired';
}
/** What has become of a transfer of dollars, in cents. `taken` is the event by which the recipient has it. */
interface Sent {
  readonly from: AccountId;
  readonly to: AccountId;
  readonly amount: bigint;
  readonly events: TransferEvents;
  readonly reverses: string | undefined;
  isRefused: boolean;
  taken: string | null;
  state: 'pending' | 'completed' | 'returned';
}
export interface RandomLog {
  readonly log: readonly RecordedEvent[];
  /** What is available, in minor units, under `account asset`. */
  readonly balances: ReadonlyMap<string, bigint>;
  readonly holds: ReadonlyMap<HoldId, Held>;
  readonly orders: ReadonlyMap<OrderId, Ordered>;
  readonly transfers: ReadonlyMap<TransferId, Sent>;
  /** Whether the entry is reversed; of those that ever were. */
  readonly reversals: ReadonlyMap<string, boolean>;
}

const accountOf = (n: number): AccountId => AccountIdSchema.parse(`00000000-0000-4000-8000-00000000000${n}`);
function format(minor: bigint, scale: number): string {
  const digits = `${minor}`.padStart(scale + 1, '0');
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
const dollars = (cents: bigint): string => format(cents, 2);
const bitcoins = (satoshis: bigint): string => format(satoshis, 8);
const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The log that the steps write: nothing is spent that is not there. */
export function logOf(steps: readonly Step[]): RandomLog {
  const balances = new Map<string, bigint>();
  const holds = new Map<HoldId, Held>();
  const orders = new Map<OrderId, Ordered>();
  const transfers = new Map<TransferId, Sent>();
  const reversals = new Map<string, boolean>();
  const revisions = new Map<AccountId, bigint>();
  const log: RecordedEvent[] = [];
  const write = (accountId: AccountId, event: StoredEvent, day: number, isAnnulled = false): string => {
    const revision = (revisions.get(accountId) ?? -1n) + 1n;
    revisions.set(accountId, revision);
    const { eventId, metadata } = newEvent(event, { occurredAt: `2026-01-${String(day).padStart(2, '0')}T10:00:00Z` });
    const subject = { kind: 'account', accountId } as const;
    const position = BigInt(log.length * 7 + 1);
    const recorded = { stream: accountStream(accountId), subject, revision, position, eventId, event, metadata };
    log.push(isAnnulled ? annulled(recorded) : recorded);
    return eventId;
  };
  const ensureOpen = (accountId: AccountId, day: number): void => {
    if (!revisions.has(accountId)) write(accountId, opened({ ownerId: 'owner', limits: [{ asset: USD, perDay: '9.00' }] }), day);
  };
  const change = (accountId: AccountId, asset: AssetCode, by: bigint): bigint => {
    const key = `${accountId} ${asset}`;
    const before = balances.get(key) ?? 0n;
    const after = before + by < 0n ? 0n : before + by;
    if (after !== before) balances.set(key, after);
    return after - before;
  };
  const openOf = <Id, Thing extends Held | Ordered>(things: ReadonlyMap<Id, Thing>, accountId: AccountId, n: number) => {
    const open = [...things].filter(
      ([, thing]) => thing.accountId === accountId && (thing.status === 'open' || thing.status === 'pending'),
    );
    return open[n % Math.max(open.length, 1)];
  };

  function placeHold(accountId: AccountId, amount: bigint): StoredEvent {
    if (amount === 0n) return rejected();
    const holdId = newHoldId();
    holds.set(holdId, { accountId, amount, remaining: amount, captured: 0n, status: 'open' });
    return holdPlaced(holdId, dollars(amount), { expiresAt: '2026-02-01T00:00:00Z' });
  }
  function stepHold(accountId: AccountId, minor: number): StoredEvent {
    const [holdId, hold] = openOf(holds, accountId, minor) ?? [];
    if (holdId === undefined || hold === undefined) return rejected('hold_not_found');
    if (minor % 4 > 1) {
      const taken = lesser(BigInt(minor), hold.remaining);
      hold.remaining -= taken;
      hold.captured += taken;
      if (hold.remaining === 0n) hold.status = 'captured';
      return holdCaptured(holdId, dollars(taken), dollars(hold.remaining));
    }
    const left = hold.remaining;
    change(accountId, USD, left);
    hold.remaining = 0n;
    hold.status = minor % 4 === 0 ? 'released' : 'expired';
    return holdEnded(`hold-${hold.status}`, holdId, dollars(left));
  }
  function placeOrder(accountId: AccountId, amountIn: bigint): StoredEvent {
    if (amountIn === 0n) return rejected();
    const orderId = newOrderId();
    orders.set(orderId, { accountId, amountIn, filledIn: 0n, filledOut: 0n, status: 'pending' });
    return orderPlaced(orderId, dollars(amountIn));
  }
  function stepOrder(accountId: AccountId, minor: number): StoredEvent {
    const [orderId, order] = openOf(orders, accountId, minor) ?? [];
    if (orderId === undefined || order === undefined) return rejected('order_not_found');
    const left = order.amountIn - order.filledIn;
    if (minor % 4 > 1) {
      const paid = lesser(BigInt(minor), left);
      order.filledIn += paid;
      order.filledOut += change(accountId, BTC, BigInt(minor));
      if (paid === left) order.status = 'executed';
      const filled = { filledIn: dollars(order.filledIn), filledOut: bitcoins(order.filledOut) };
      const named = minor % 3 === 0 ? { txHash: `0x${log.length}` } : {};
      return orderFilled(orderId, dollars(paid), bitcoins(BigInt(minor)), {
        ...filled,
        ...named,
        orderStatus: paid === left ? 'executed' : 'pending',
      });
    }
    change(accountId, USD, left);
    order.status = minor % 4 === 0 ? 'cancelled' : 'expired';
    const filled = { filledIn: dollars(order.filledIn), filledOut: bitcoins(order.filledOut) };
    return orderEnded(`order-${order.status}`, orderId, dollars(left), filled);
  }

  function send(from: AccountId, to: AccountId, amount: bigint, day: number, reverses?: string): void {
    if (from === to || amount === 0n || amount > (balances.get(`${from} ${USD}`) ?? 0n)) return;
    ensureOpen(to, day);
    change(from, USD, -amount);
    const events = transferBetween(from, to, dollars(amount), reverses === undefined ? { reference: 'rent' } : { reverses, reason: 'r' });
    transfers.set(events.transferId, { from, to, amount, events, reverses, isRefused: false, taken: null, state: 'pending' });
    write(from, events.sent.event, day);
    if (reverses !== undefined) reversals.set(reverses, true);
  }
  function stepTransfer(minor: number, day: number): void {
    const pending = [...transfers.values()].filter(({ state }) => state === 'pending');
    const transfer = pending[minor % Math.max(pending.length, 1)];
    if (transfer === undefined) return;
    const { from, to, amount, events, reverses } = transfer;
    if (transfer.isRefused) {
      change(from, USD, amount);
      transfer.state = 'returned';
      write(from, events.returned().event, day);
      if (reverses !== undefined) reversals.set(reverses, false);
    } else if (transfer.taken !== null) {
      transfer.state = 'completed';
      write(from, events.completed().event, day);
    } else if (minor % 3 === 0) {
      transfer.isRefused = true;
      write(to, events.refused().event, day);
    } else {
      change(to, USD, amount);
      transfer.taken = write(to, events.received().event, day);
    }
  }
  function sendBack(minor: number, day: number): void {
    const taken = [...transfers.values()].filter((transfer) => transfer.taken !== null && reversals.get(transfer.taken) !== true);
    const transfer = taken[minor % Math.max(taken.length, 1)];
    if (transfer?.taken != null) send(transfer.to, transfer.from, transfer.amount, day, transfer.taken);
  }

  for (const [account, kind, minor, day] of steps) {
    const accountId = accountOf(account);
    ensureOpen(accountId, day);
    const amount = BigInt(minor);
    const spend = (asset: AssetCode): bigint => -change(accountId, asset, -amount);
    if (kind === 0 || kind === 14)
      write(accountId, deposited(dollars(change(accountId, USD, amount)), minor % 3 === 0 ? { externalId: `x${log.length}` } : {}), day);
    else if (kind === 1) {
      const spent = spend(USD);
      write(accountId, spent > 0n ? withdrawn(dollars(spent)) : rejected(), day);
    } else if (kind === 2) write(accountId, coinUpdated(bitcoins(change(accountId, BTC, amount))), day);
    else if (kind === 3) {
      const spent = spend(BTC);
      write(accountId, spent > 0n ? coinUpdated(`-${bitcoins(spent)}`) : rejected(), day);
    } else if (kind === 4) {
      const all = balances.get(`${accountId} ${BTC}`) ?? 0n;
      change(accountId, BTC, -all);
      write(accountId, all > 0n ? coinRemoved(bitcoins(all)) : rejected(), day);
    } else if (kind === 5) write(accountId, { type: 'limits-set', version: 1, asset: BTC, perDay: bitcoins(amount) }, day);
    else if (kind === 6) write(accountId, { type: 'account-frozen', version: 1, reason: 'r' }, day);
    else if (kind === 7) write(accountId, { type: 'account-unfrozen', version: 1, reason: 'r' }, day);
    else if (kind === 8) write(accountId, withdrawn('999999.00'), day, true);
    else if (kind === 9) write(accountId, placeHold(accountId, spend(USD)), day);
    else if (kind === 10 || kind === 11) write(accountId, stepHold(accountId, minor), day);
    else if (kind === 12) write(accountId, placeOrder(accountId, spend(USD)), day);
    else if (kind === 13) write(accountId, stepOrder(accountId, minor), day);
    else if (kind === 15) send(accountId, accountOf(minor % 5), amount, day);
    else if (kind === 16 || kind === 17) stepTransfer(minor, day);
    else sendBack(minor, day);
  }
  return { log, balances, holds, orders, transfers, reversals };
}
