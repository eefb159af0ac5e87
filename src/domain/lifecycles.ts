// The lives of accounts, holds, orders and transfers: which event takes which status to which. The fold, the projections
// and the diagrams of the documentation are all read off these tables.
import type { EventType } from './events.ts';
import { InvariantViolated } from './invariant.ts';

/** What tells two ends of one event apart: whether something of the amount is left. */
export type Rest = 'something is left' | 'nothing is left';

export interface Transition<Status extends string> {
  /** `none`: it is not there yet. */
  readonly from: Status | 'none';
  readonly on: EventType;
  /** Absent: whatever is left. */
  readonly when?: Rest;
  readonly to: Status;
}

export const ACCOUNT_STATUSES = ['open', 'frozen', 'closed'] as const;
export const HOLD_STATUSES = ['open', 'captured', 'released', 'expired'] as const;
export const ORDER_STATUSES = ['pending', 'executed', 'cancelled', 'expired'] as const;
export const TRANSFER_STATES = ['pending', 'completed', 'returned'] as const;
export type AccountLife = (typeof ACCOUNT_STATUSES)[number];
export type HoldStatus = (typeof HOLD_STATUSES)[number];
export type OrderStatus = (typeof ORDER_STATUSES)[number];
export type TransferState = (typeof TRANSFER_STATES)[number];

/** Events that are not named here leave an account's status as it is. */
export const ACCOUNT_TRANSITIONS: readonly Transition<AccountLife>[] = [
  { from: 'none', on: 'account-opened', to: 'open' },
  { from: 'open', on: 'account-frozen', to: 'frozen' },
  { from: 'frozen', on: 'account-unfrozen', to: 'open' },
  { from: 'open', on: 'account-unfrozen', to: 'open' },
  { from: 'open', on: 'account-closed', to: 'closed' },
  { from: 'frozen', on: 'account-closed', to: 'closed' },
];

export const HOLD_TRANSITIONS: readonly Transition<HoldStatus>[] = [
  { from: 'none', on: 'hold-placed', to: 'open' },
  { from: 'open', on: 'hold-captured', when: 'something is left', to: 'open' },
  { from: 'open', on: 'hold-captured', when: 'nothing is left', to: 'captured' },
  { from: 'open', on: 'hold-released', to: 'released' },
  { from: 'open', on: 'hold-expired', to: 'expired' },
];

export const ORDER_TRANSITIONS: readonly Transition<OrderStatus>[] = [
  { from: 'none', on: 'order-placed', to: 'pending' },
  { from: 'pending', on: 'order-filled', when: 'something is left', to: 'pending' },
  { from: 'pending', on: 'order-filled', when: 'nothing is left', to: 'executed' },
  { from: 'pending', on: 'order-cancelled', to: 'cancelled' },
  { from: 'pending', on: 'order-expired', to: 'expired' },
];

/** As the sender's stream has it; between its ends the recipient's stream says `transfer-received` or `transfer-refused`. */
export const TRANSFER_TRANSITIONS: readonly Transition<TransferState>[] = [
  { from: 'none', on: 'transfer-sent', to: 'pending' },
  { from: 'pending', on: 'transfer-completed', to: 'completed' },
  { from: 'pending', on: 'transfer-returned', to: 'returned' },
];

/** The rest that an amount in minor units stands for. */
export const restOf = (remainingMinor: bigint): Rest => (remainingMinor === 0n ? 'nothing is left' : 'something is left');

/**
 * The status after an event.
 * @throws InvariantViolated where no transition leads on from there: such an event was written past the ledger.
 */
export function nextStatus<Status extends string>(
  transitions: readonly Transition<Status>[],
  from: Status | 'none',
  on: EventType,
  rest?: Rest,
): Status {
  const found = transitions.find((step) => step.from === from && step.on === on && (step.when === undefined || step.when === rest));
  if (found === undefined) throw new InvariantViolated(`${on} cannot happen to what is ${from === 'none' ? 'not there' : from}`);
  return found.to;
}
