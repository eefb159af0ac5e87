// Keyed facts: what an account's events make known besides its state, each found by a key. They are too many to carry
// (an account may have a million entries), so a decision gets those that its command asks for.

import { formatMinor, parseDecimal } from './amounts.ts';
import { assertNever } from './assert-never.ts';
import type { Command } from './commands.ts';
import type { BalanceAfter, LedgerEvent, OrderFilled } from './events.ts';
import { paymentIdIn } from './events.ts';
import type { AccountId, AssetCode, CommandId, HoldId, OrderId } from './ids.ts';
import { postingsOf } from './postings.ts';

/** What a fact is found by. */
export type FactKey =
  | { readonly kind: 'payment'; readonly externalId: string }
  | { readonly kind: 'fill'; readonly txHash: string; readonly logIndex?: number | undefined }
  | { readonly kind: 'entry'; readonly eventId: string }
  | { readonly kind: 'reversal'; readonly eventId: string }
  | { readonly kind: 'closed-hold'; readonly holdId: HoldId }
  | { readonly kind: 'closed-order'; readonly orderId: OrderId };
export type FactKind = FactKey['kind'];

/** A fill that was booked, with all that a report of the same fill is answered with. */
export interface BookedFill extends Pick<OrderFilled, 'orderId' | 'amountIn' | 'amountOut' | 'fee' | 'fillId' | 'orderStatus'> {
  readonly revision: bigint;
  readonly balances: readonly BalanceAfter[];
}
/** An entry of the account's journal, as far as a reversal looks at it. */
export interface BookedEntry {
  readonly type: string;
  readonly asset: AssetCode;
  /** What it changed in what is available, signed, at the asset's scale. */
  readonly amount: string;
  /** The sender of a received transfer. */
  readonly from?: AccountId;
}

export type Fact =
  /** The command whose applied payment carries that externalId. */
  | { readonly kind: 'payment'; readonly externalId: string; readonly commandId: CommandId }
  | {
      readonly kind: 'fill';
      readonly txHash: string;
      readonly logIndex?: number | undefined;
      readonly commandId: CommandId;
      readonly fill: BookedFill;
    }
  | { readonly kind: 'entry'; readonly eventId: string; readonly entry: BookedEntry }
  /** Whether that entry is reversed now: a transfer back that was returned makes it reversible again. */
  | { readonly kind: 'reversal'; readonly eventId: string; readonly isReversed: boolean }
  | { readonly kind: 'closed-hold'; readonly holdId: HoldId }
  | { readonly kind: 'closed-order'; readonly orderId: OrderId };
export type FactOf<Kind extends FactKind> = Extract<Fact, { readonly kind: Kind }>;

/** Finds what is known under a key, as of the state that the decision stands on. */
export type FactLookup = <Kind extends FactKind>(key: Extract<FactKey, { readonly kind: Kind }>) => FactOf<Kind> | undefined;

/** One text a key, for maps. A fact has the name of its own key. */
export function nameOfFact(key: FactKey): string {
  switch (key.kind) {
    case 'payment':
      return `payment ${key.externalId}`;
    case 'fill':
      return `fill ${key.logIndex ?? '-'} ${key.txHash}`;
    case 'entry':
    case 'reversal':
      return `${key.kind} ${key.eventId}`;
    case 'closed-hold':
      return `closed-hold ${key.holdId}`;
    case 'closed-order':
      return `closed-order ${key.orderId}`;
    default:
      return assertNever(key);
  }
}

/** Looks facts up in a map by their names. */
export function lookupIn(facts: Pick<ReadonlyMap<string, Fact>, 'get'>): FactLookup {
  return <Kind extends FactKind>(key: Extract<FactKey, { readonly kind: Kind }>) => {
    const found = facts.get(nameOfFact(key));
    // A fact stands under the name of its own key, so it is of the key's kind.
    return found?.kind === key.kind ? (found as FactOf<Kind>) : undefined;
  };
}

/** The facts that deciding the command may ask for. */
export function factsAskedBy(command: Command): readonly FactKey[] {
  switch (command.type) {
    case 'deposit':
    case 'withdraw':
    case 'transfer':
      return command.externalId === undefined ? [] : [{ kind: 'payment', externalId: command.externalId }];
    case 'capture-hold':
    case 'release-hold':
      return [{ kind: 'closed-hold', holdId: command.holdId }];
    case 'fill-order': {
      const { orderId, txHash, logIndex } = command;
      return [{ kind: 'closed-order', orderId }, ...(txHash === undefined ? [] : [{ kind: 'fill', txHash, logIndex } as const])];
    }
    case 'cancel-order':
      return [{ kind: 'closed-order', orderId: command.orderId }];
    case 'reverse': {
      const { eventId } = command;
      return [
        { kind: 'entry', eventId },
        { kind: 'reversal', eventId },
      ];
    }
    case 'open-account':
    case 'update-coin':
    case 'remove-coin':
    case 'place-hold':
    case 'place-order':
    case 'freeze-account':
    case 'unfreeze-account':
    case 'close-account':
    case 'set-limits':
    case 'register-asset':
    case 'expire-hold':
    case 'expire-order':
    case 'receive-transfer':
    case 'complete-transfer':
    case 'return-transfer':
      return [];
    default:
      return assertNever(command);
  }
}

/** An event in its place, as far as facts need it. */
export interface FactSource {
  readonly event: LedgerEvent;
  readonly eventId: string;
  readonly revision: bigint;
  readonly commandId: CommandId;
  readonly accountId: AccountId;
}

/** The facts that an account's event makes known; a later fact of the same name takes the place of an earlier one. */
export function factsIn(source: FactSource): readonly Fact[] {
  const { event, eventId, commandId, accountId } = source;
  const facts: Fact[] = [];
  const externalId = paymentIdIn(event);
  if (externalId !== undefined) facts.push({ kind: 'payment', externalId, commandId });
  const own = postingsOf(event, accountId).filter(({ account }) => account === accountId);
  const line = own.find(({ bucket }) => bucket === 'available') ?? own[0];
  if (line !== undefined && event.type !== 'annulled') {
    const { asset, bucket, amountMinor, scale } = line;
    const amount = formatMinor(bucket === 'available' ? amountMinor : 0n, scale);
    const from = event.type === 'transfer-received' ? { from: event.from } : {};
    facts.push({ kind: 'entry', eventId, entry: { type: event.type, asset, amount, ...from } });
  }
  return [...facts, ...endsIn(source), ...reversalsIn(event)];
}

function endsIn({ event, revision, commandId }: FactSource): readonly Fact[] {
  if (event.type === 'hold-released' || event.type === 'hold-expired') return [{ kind: 'closed-hold', holdId: event.holdId }];
  if (event.type === 'hold-captured')
    return parseDecimal(event.remaining).minor === 0n ? [{ kind: 'closed-hold', holdId: event.holdId }] : [];
  if (event.type === 'order-cancelled' || event.type === 'order-expired') return [{ kind: 'closed-order', orderId: event.orderId }];
  if (event.type !== 'order-filled') return [];
  const { orderId, txHash, logIndex, orderStatus } = event;
  const closed: readonly Fact[] = orderStatus === 'executed' ? [{ kind: 'closed-order', orderId }] : [];
  return txHash === undefined ? closed : [...closed, { kind: 'fill', txHash, logIndex, commandId, fill: bookedFill(event, revision) }];
}

/** The fill as a report of the same one is compared and answered with. */
export function bookedFill(event: Omit<OrderFilled, 'type'>, revision: bigint): BookedFill {
  const { orderId, amountIn, amountOut, fee, fillId, orderStatus, balances } = event;
  return { orderId, amountIn, amountOut, fillId, orderStatus, revision, balances, ...(fee === undefined ? {} : { fee }) };
}

function reversalsIn(event: LedgerEvent): readonly Fact[] {
  if (event.type === 'entry-reversed') return [{ kind: 'reversal', eventId: event.reverses, isReversed: true }];
  if ((event.type === 'transfer-sent' || event.type === 'transfer-returned') && event.reverses !== undefined)
    return [{ kind: 'reversal', eventId: event.reverses, isReversed: event.type === 'transfer-sent' }];
  return [];
}
