// Every command: what it does, the events it may leave, and what it may be refused with. Routes, the API's document and the
// reference in docs/ are read off this table; the specs check that no command does anything else.
import type { Command } from './commands.ts';
import type { EventType } from './events.ts';
import type { RejectionCode } from './rejections.ts';

export interface CommandRule {
  /** One sentence, for people. */
  readonly does: string;
  /** The event of an applied command is one of these. */
  readonly events: readonly EventType[];
  /** What the domain may refuse it with, besides `account_not_found`. Internal commands' refusals leave no event. */
  readonly refusals: readonly RejectionCode[];
}

const MOVING = ['account_frozen', 'account_closed'] as const satisfies readonly RejectionCode[];
const AMOUNT = ['invalid_amount', 'unknown_asset'] as const satisfies readonly RejectionCode[];
const SPENDING = ['insufficient_funds', 'limit_exceeded'] as const satisfies readonly RejectionCode[];

export const COMMAND_TABLE: Readonly<Record<Command['type'], CommandRule>> = {
  'open-account': {
    does: 'Opens an account; it inherits the limits of its owner’s first one.',
    events: ['account-opened'],
    refusals: ['already_exists'],
  },
  deposit: {
    does: 'Credits money that came from outside.',
    events: ['deposited'],
    refusals: ['malformed_request', ...AMOUNT, 'already_exists', ...MOVING, 'amount_out_of_range'],
  },
  withdraw: {
    does: 'Debits money that goes outside.',
    events: ['withdrawn'],
    refusals: ['malformed_request', ...AMOUNT, 'already_exists', ...MOVING, ...SPENDING],
  },
  'update-coin': {
    does: 'Adds to a coin, or takes from it, by a signed quantity.',
    events: ['coin-updated'],
    refusals: [...AMOUNT, ...MOVING, 'amount_out_of_range', ...SPENDING],
  },
  'remove-coin': {
    does: 'Takes all of a coin out.',
    events: ['coin-removed'],
    refusals: ['unknown_asset', 'not_found', ...MOVING, ...SPENDING],
  },
  transfer: {
    does: 'Sends money or coins to another account.',
    events: ['transfer-sent'],
    refusals: [...AMOUNT, 'same_account', 'recipient_not_found', 'already_exists', ...MOVING, ...SPENDING],
  },
  'place-hold': {
    does: 'Sets money aside: held, and no longer available.',
    events: ['hold-placed'],
    refusals: [...AMOUNT, ...MOVING, 'insufficient_funds'],
  },
  'capture-hold': {
    does: 'Pays out some of a hold, or all that is left.',
    events: ['hold-captured'],
    refusals: ['invalid_amount', 'forbidden', 'hold_not_found', 'hold_not_open', ...MOVING, 'insufficient_held', 'limit_exceeded'],
  },
  'release-hold': {
    does: 'Gives back what is left of a hold; a frozen account’s, too.',
    events: ['hold-released'],
    refusals: ['forbidden', 'hold_not_found', 'hold_not_open', 'account_closed'],
  },
  'place-order': {
    does: 'Places an order and sets amountIn aside for it.',
    events: ['order-placed'],
    refusals: [...AMOUNT, ...MOVING, 'insufficient_funds'],
  },
  'fill-order': {
    does: 'Books a fill: amountIn goes to the venue, amountOut less the fee comes in.',
    events: ['order-filled', 'fill-repeated'],
    refusals: [
      'malformed_request',
      'invalid_amount',
      'already_exists',
      'order_not_found',
      'order_not_open',
      ...MOVING,
      'insufficient_held',
      'price_not_met',
      'amount_out_of_range',
    ],
  },
  'cancel-order': {
    does: 'Ends an order; what no fill has taken is available again.',
    events: ['order-cancelled'],
    refusals: ['order_not_found', 'order_not_open', ...MOVING],
  },
  reverse: {
    does: 'Undoes an entry, once; a received transfer by a transfer back.',
    events: ['entry-reversed', 'transfer-sent'],
    refusals: ['entry_not_found', 'not_reversible', 'already_reversed', ...MOVING, 'insufficient_funds', 'amount_out_of_range'],
  },
  'freeze-account': { does: 'Freezes an account.', events: ['account-frozen'], refusals: [...MOVING] },
  'unfreeze-account': { does: 'Unfreezes an account.', events: ['account-unfrozen'], refusals: ['account_closed'] },
  'close-account': {
    does: 'Closes an account for good, when it is empty and no transfer of it is under way.',
    events: ['account-closed'],
    refusals: ['account_closed', 'account_not_empty'],
  },
  'set-limits': { does: 'Sets the limits in one asset.', events: ['limits-set'], refusals: [...AMOUNT, 'account_closed'] },
  'register-asset': { does: 'Registers an asset; its scale never changes.', events: ['asset-registered'], refusals: ['already_exists'] },
  'expire-hold': { does: 'Ends a hold whose time is over.', events: ['hold-expired'], refusals: ['not_found'] },
  'expire-order': { does: 'Ends an order whose time is over.', events: ['order-expired'], refusals: ['not_found'] },
  'receive-transfer': {
    does: 'Brings a transfer to its recipient, who takes or refuses it.',
    events: ['transfer-received', 'transfer-refused'],
    refusals: [],
  },
  'complete-transfer': { does: 'Tells the sender that the money has arrived.', events: ['transfer-completed'], refusals: ['not_found'] },
  'return-transfer': {
    does: 'Brings the money back to the sender; never refused.',
    events: ['transfer-returned'],
    refusals: ['not_found'],
  },
};
