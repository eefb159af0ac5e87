// Every command in every state of an account: what comes of it. To be read as a table.
import { describe, expect, it } from 'vitest';
import type { AccountCommand } from '../../src/domain/commands.ts';
import { accountRefusal } from '../../src/domain/decide.ts';
import type { EventType, Side, StoredEvent } from '../../src/domain/events.ts';
import type { RejectionCode } from '../../src/domain/rejections.ts';
import {
  closed,
  coinsAdded,
  coinsRemoved,
  command,
  deposited,
  eventIdAt,
  fold,
  frozen,
  given,
  HOLD,
  holdPlaced,
  NOON,
  ORDER,
  opened,
  orderFilled,
  orderPlaced,
  RECIPIENT,
  TRANSFER,
  transferSent,
  withdrawn,
} from './given.ts';

/** The account has 100.00 USD and a bitcoin; of the dollars 30.00 are held or under way where it says so. Holds and orders are due. */
const money = [opened(), deposited('100.00 USD'), coinsAdded('1.00000000 BTC')];
const due = { expiresAt: NOON };
const hold = [...money, holdPlaced('30.00 USD', due)];
const order = [...money, orderPlaced('30.00 USD', 'BTC', due)];
const underWay = [...money, transferSent('30.00 USD')];
const STATES = {
  'not there': [],
  'open, empty': [opened()],
  'open, with money': money,
  'open, with a hold of its owner': hold,
  'open, with a hold of an operator': [...money, holdPlaced('30.00 USD', { ...due, placedBy: 'operator' })],
  'open, with a pending order': order,
  'open, with a partly filled order': [...order, orderFilled('20.00 USD', '0.00200000 BTC')],
  'open, with a transfer under way': underWay,
  'frozen, with money': [...money, frozen()],
  'frozen, with a hold of its owner': [...hold, frozen()],
  'frozen, with a pending order': [...order, frozen()],
  'frozen, with a transfer under way': [...underWay, frozen()],
  closed: [...money, withdrawn('100.00 USD'), coinsRemoved('1.00000000 BTC'), closed()],
} satisfies Record<string, readonly StoredEvent[]>;
type State = keyof typeof STATES;
type CommandType = AccountCommand['type'];

const usd = { asset: 'USD', amount: '1.00' };
const reason = { reason: 'asked for' };
/** One command of each type, and who sends it. */
const COMMANDS: Readonly<Record<CommandType, readonly [Side, Readonly<Record<string, unknown>>]>> = {
  'open-account': ['user', {}],
  deposit: ['user', usd],
  withdraw: ['user', usd],
  transfer: ['user', { ...usd, to: RECIPIENT }],
  'update-coin': ['user', { symbol: 'BTC', quantity: '-0.5' }],
  'remove-coin': ['user', { symbol: 'BTC' }],
  'place-hold': ['user', usd],
  'capture-hold': ['user', { holdId: HOLD }],
  'release-hold': ['user', { holdId: HOLD }],
  'expire-hold': ['operator', { holdId: HOLD }],
  'place-order': ['user', { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '1.00', orderType: 'MARKET' }],
  'fill-order': ['operator', { orderId: ORDER, amountIn: '10.00', amountOut: '0.001' }],
  'cancel-order': ['user', { orderId: ORDER }],
  'expire-order': ['operator', { orderId: ORDER }],
  'receive-transfer': ['operator', { ...usd, transferId: eventIdAt(99), from: RECIPIENT }],
  'complete-transfer': ['operator', { transferId: TRANSFER }],
  'return-transfer': ['operator', { transferId: TRANSFER, reason: 'recipient_closed' }],
  reverse: ['operator', { eventId: eventIdAt(2), ...reason }], // the bitcoin's entry
  'freeze-account': ['operator', reason],
  'unfreeze-account': ['operator', reason],
  'close-account': ['operator', {}],
  'set-limits': ['operator', { asset: 'USD', perDay: '50.00' }],
};

type Outcome = EventType | RejectionCode;
// biome-ignore format: read it in lines of what belongs together
const OUTCOMES: Readonly<Record<State, Readonly<Record<CommandType, Outcome>>>> = {
  'not there': {
    'open-account': 'account-opened', deposit: 'account_not_found', withdraw: 'account_not_found', transfer: 'account_not_found',
    'update-coin': 'account_not_found', 'remove-coin': 'account_not_found', reverse: 'account_not_found',
    'place-hold': 'account_not_found', 'capture-hold': 'account_not_found', 'release-hold': 'account_not_found', 'expire-hold': 'account_not_found',
    'place-order': 'account_not_found', 'fill-order': 'account_not_found', 'cancel-order': 'account_not_found', 'expire-order': 'account_not_found',
    'receive-transfer': 'account_not_found', 'complete-transfer': 'account_not_found', 'return-transfer': 'account_not_found',
    'freeze-account': 'account_not_found', 'unfreeze-account': 'account_not_found', 'close-account': 'account_not_found', 'set-limits': 'account_not_found',
  },
  'open, empty': {
    'open-account': 'already_exists', deposit: 'deposited', withdraw: 'insufficient_funds', transfer: 'insufficient_funds',
    'update-coin': 'insufficient_funds', 'remove-coin': 'not_found', reverse: 'entry_not_found',
    'place-hold': 'insufficient_funds', 'capture-hold': 'hold_not_found', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'insufficient_funds', 'fill-order': 'order_not_found', 'cancel-order': 'order_not_found', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-received', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account-frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account-closed', 'set-limits': 'limits-set',
  },
  'open, with money': {
    'open-account': 'already_exists', deposit: 'deposited', withdraw: 'withdrawn', transfer: 'transfer-sent',
    'update-coin': 'coin-updated', 'remove-coin': 'coin-removed', reverse: 'entry-reversed',
    'place-hold': 'hold-placed', 'capture-hold': 'hold_not_found', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'order-placed', 'fill-order': 'order_not_found', 'cancel-order': 'order_not_found', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-received', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account-frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'open, with a hold of its owner': {
    'open-account': 'already_exists', deposit: 'deposited', withdraw: 'withdrawn', transfer: 'transfer-sent',
    'update-coin': 'coin-updated', 'remove-coin': 'coin-removed', reverse: 'entry-reversed',
    'place-hold': 'hold-placed', 'capture-hold': 'hold-captured', 'release-hold': 'hold-released', 'expire-hold': 'hold-expired',
    'place-order': 'order-placed', 'fill-order': 'order_not_found', 'cancel-order': 'order_not_found', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-received', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account-frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'open, with a hold of an operator': {
    'open-account': 'already_exists', deposit: 'deposited', withdraw: 'withdrawn', transfer: 'transfer-sent',
    'update-coin': 'coin-updated', 'remove-coin': 'coin-removed', reverse: 'entry-reversed',
    'place-hold': 'hold-placed', 'capture-hold': 'forbidden', 'release-hold': 'forbidden', 'expire-hold': 'hold-expired',
    'place-order': 'order-placed', 'fill-order': 'order_not_found', 'cancel-order': 'order_not_found', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-received', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account-frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'open, with a pending order': {
    'open-account': 'already_exists', deposit: 'deposited', withdraw: 'withdrawn', transfer: 'transfer-sent',
    'update-coin': 'coin-updated', 'remove-coin': 'coin-removed', reverse: 'entry-reversed',
    'place-hold': 'hold-placed', 'capture-hold': 'hold_not_found', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'order-placed', 'fill-order': 'order-filled', 'cancel-order': 'order-cancelled', 'expire-order': 'order-expired',
    'receive-transfer': 'transfer-received', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account-frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'open, with a partly filled order': {
    'open-account': 'already_exists', deposit: 'deposited', withdraw: 'withdrawn', transfer: 'transfer-sent',
    'update-coin': 'coin-updated', 'remove-coin': 'coin-removed', reverse: 'entry-reversed',
    'place-hold': 'hold-placed', 'capture-hold': 'hold_not_found', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'order-placed', 'fill-order': 'order-filled', 'cancel-order': 'order-cancelled', 'expire-order': 'order-expired',
    'receive-transfer': 'transfer-received', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account-frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'open, with a transfer under way': {
    'open-account': 'already_exists', deposit: 'deposited', withdraw: 'withdrawn', transfer: 'transfer-sent',
    'update-coin': 'coin-updated', 'remove-coin': 'coin-removed', reverse: 'entry-reversed',
    'place-hold': 'hold-placed', 'capture-hold': 'hold_not_found', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'order-placed', 'fill-order': 'order_not_found', 'cancel-order': 'order_not_found', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-received', 'complete-transfer': 'transfer-completed', 'return-transfer': 'transfer-returned',
    'freeze-account': 'account-frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'frozen, with money': {
    'open-account': 'already_exists', deposit: 'account_frozen', withdraw: 'account_frozen', transfer: 'account_frozen',
    'update-coin': 'account_frozen', 'remove-coin': 'account_frozen', reverse: 'account_frozen',
    'place-hold': 'account_frozen', 'capture-hold': 'account_frozen', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'account_frozen', 'fill-order': 'account_frozen', 'cancel-order': 'account_frozen', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-refused', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account_frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'frozen, with a hold of its owner': {
    'open-account': 'already_exists', deposit: 'account_frozen', withdraw: 'account_frozen', transfer: 'account_frozen',
    'update-coin': 'account_frozen', 'remove-coin': 'account_frozen', reverse: 'account_frozen',
    'place-hold': 'account_frozen', 'capture-hold': 'account_frozen', 'release-hold': 'hold-released', 'expire-hold': 'hold-expired',
    'place-order': 'account_frozen', 'fill-order': 'account_frozen', 'cancel-order': 'account_frozen', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-refused', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account_frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'frozen, with a pending order': {
    'open-account': 'already_exists', deposit: 'account_frozen', withdraw: 'account_frozen', transfer: 'account_frozen',
    'update-coin': 'account_frozen', 'remove-coin': 'account_frozen', reverse: 'account_frozen',
    'place-hold': 'account_frozen', 'capture-hold': 'account_frozen', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'account_frozen', 'fill-order': 'account_frozen', 'cancel-order': 'account_frozen', 'expire-order': 'order-expired',
    'receive-transfer': 'transfer-refused', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account_frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  'frozen, with a transfer under way': {
    'open-account': 'already_exists', deposit: 'account_frozen', withdraw: 'account_frozen', transfer: 'account_frozen',
    'update-coin': 'account_frozen', 'remove-coin': 'account_frozen', reverse: 'account_frozen',
    'place-hold': 'account_frozen', 'capture-hold': 'account_frozen', 'release-hold': 'hold_not_found', 'expire-hold': 'not_found',
    'place-order': 'account_frozen', 'fill-order': 'account_frozen', 'cancel-order': 'account_frozen', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-refused', 'complete-transfer': 'transfer-completed', 'return-transfer': 'transfer-returned',
    'freeze-account': 'account_frozen', 'unfreeze-account': 'account-unfrozen', 'close-account': 'account_not_empty', 'set-limits': 'limits-set',
  },
  closed: {
    'open-account': 'already_exists', deposit: 'account_closed', withdraw: 'account_closed', transfer: 'account_closed',
    'update-coin': 'account_closed', 'remove-coin': 'account_closed', reverse: 'account_closed',
    'place-hold': 'account_closed', 'capture-hold': 'account_closed', 'release-hold': 'account_closed', 'expire-hold': 'not_found',
    'place-order': 'account_closed', 'fill-order': 'account_closed', 'cancel-order': 'account_closed', 'expire-order': 'not_found',
    'receive-transfer': 'transfer-refused', 'complete-transfer': 'not_found', 'return-transfer': 'not_found',
    'freeze-account': 'account_closed', 'unfreeze-account': 'account_closed', 'close-account': 'account_closed', 'set-limits': 'account_closed',
  },
};

function outcomeOf(state: State, type: CommandType): Outcome {
  const [side, body] = COMMANDS[type];
  const asked = command(type, body);
  const notThere = accountRefusal(asked, fold(STATES[state]), undefined);
  if (notThere !== undefined) return notThere.code;
  const { decision } = given(...STATES[state]).when(asked, { side });
  return decision.kind === 'accepted' ? decision.event.type : decision.rejection.code;
}

const keysOf = <Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] =>
  Object.keys(record).filter((key): key is Key => key in record);

describe.each(keysOf(STATES))('an account that is %s', (state) => {
  it.each(keysOf(COMMANDS).map((type) => [type, OUTCOMES[state][type]] as const))('answers %s with %s', (type, outcome) =>
    expect(outcomeOf(state, type)).toBe(outcome),
  );
});
