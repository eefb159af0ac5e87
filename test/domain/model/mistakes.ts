// Deciders with one mistake each. The model must find every one of them, or it would not find it in the ledger either.
import { Map as PersistentMap } from 'immutable';
import type { Account } from '../../../src/domain/account.ts';
import type { AccountCommand } from '../../../src/domain/commands.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Decision, DecisionContext } from '../../../src/domain/decision.ts';
import { accepted } from '../../../src/domain/decision.ts';
import type { FactKind } from '../../../src/domain/facts.ts';
import type { Decide } from './ledger-in-memory.ts';

type Given = readonly [AccountCommand, Account, DecisionContext];
/** The decider on an account, with the rest of the domain as it is. */
function wrong(decideIt: (...given: Given) => Decision): Decide {
  return (command, state, context) =>
    command.type === 'register-asset' || state.kind === 'asset' ? decide(command, state, context) : decideIt(command, state, context);
}
/** Decides as if the account were another than it is. */
const pretending = (change: (account: Account, command: AccountCommand) => Partial<Account>): Decide =>
  wrong((command, account, context) => decide(command, { ...account, ...change(account, command) }, context));
/** Decides as if the world were another than it is. */
const dreaming = (change: (context: DecisionContext, command: AccountCommand) => Partial<DecisionContext>): Decide =>
  wrong((command, account, context) => decide(command, account, { ...context, ...change(context, command) }));
/** Knows nothing of one kind of fact. */
const forgetting = (kind: FactKind): Decide => dreaming(({ fact }) => ({ fact: (key) => (key.kind === kind ? undefined : fact(key)) }));
const isCapture = ({ type }: AccountCommand): boolean => type === 'capture-hold' || type === 'release-hold';

export const MISTAKES: Readonly<Record<string, Decide>> = {
  'a fill above the rest is cut down to it': wrong((command, account, context) => {
    const decision = decide(command, account, context);
    if (command.type !== 'fill-order' || decision.kind === 'accepted' || decision.rejection.code !== 'insufficient_held') return decision;
    return decide({ ...command, amountIn: decision.rejection.fields['held'] ?? '' }, account, context);
  }),
  'a fee is ignored': wrong((command, account, context) =>
    decide(command.type === 'fill-order' ? { ...command, fee: undefined } : command, account, context),
  ),
  'a price is ignored': pretending(({ orders }) => ({
    orders: PersistentMap([...orders].map(([id, { targetPrice: _ignored, ...order }]) => [id, order])),
  })),
  'a fill is booked twice': forgetting('fill'),
  'a payment is booked twice': forgetting('payment'),
  'an entry is reversed twice': forgetting('reversal'),
  'a closed hold was never there': forgetting('closed-hold'),
  'an ended order was never there': forgetting('closed-order'),
  'limits are ignored': pretending(() => ({ limits: new Map() })),
  'what was spent is forgotten': pretending(({ spending }) => ({ spending: { ...spending, byAsset: new Map() } })),
  'yesterday’s spending counts': pretending(({ spending, lastOccurredAt = '' }, { type }) =>
    type === 'withdraw' ? { spending: { ...spending, day: '2026-03-02' }, lastOccurredAt } : {},
  ),
  'a user’s capture is no spending': wrong((command, account, context) => {
    const decision = decide(command, account, context);
    return decision.kind === 'accepted' && decision.event.type === 'hold-captured'
      ? accepted({ ...decision.event, capturedBy: 'operator' })
      : decision;
  }),
  'an operator’s capture is stopped by limits': dreaming(({ side }, command) => ({
    side: command.type === 'capture-hold' ? 'user' : side,
  })),
  'users take the operators’ holds': dreaming(({ side }, command) => ({ side: isCapture(command) ? 'operator' : side })),
  'things expire an hour early': dreaming(({ occurredAt }, { type }) =>
    type === 'expire-hold' || type === 'expire-order' ? { occurredAt: new Date(Date.parse(occurredAt) + 3_600_000).toISOString() } : {},
  ),
  'a frozen account withdraws': pretending(({ status }, { type }) =>
    type === 'withdraw' && status === 'frozen' ? { status: 'open' } : {},
  ),
  'a frozen account takes transfers': pretending(({ status }, { type }) =>
    type === 'receive-transfer' && status === 'frozen' ? { status: 'open' } : {},
  ),
  'a frozen account’s holds do not expire': wrong((command, account, context) =>
    command.type === 'expire-hold' && account.status === 'frozen'
      ? { kind: 'rejected', rejection: { code: 'not_found', detail: '', fields: {} } }
      : decide(command, account, context),
  ),
  'an account is closed before its transfer has ended': pretending((_account, { type }) =>
    type === 'close-account' ? { transfers: PersistentMap() } : {},
  ),
  'a transfer under way leaves room for a deposit': pretending((_account, { type }) =>
    type === 'deposit' ? { transfers: PersistentMap() } : {},
  ),
  'money goes to nobody': dreaming(() => ({ accountExists: () => true })),
  'a returned transfer is lost': wrong((command, account, context) =>
    decide(
      command.type === 'return-transfer'
        ? { type: 'complete-transfer', accountId: command.accountId, transferId: command.transferId }
        : command,
      account,
      context,
    ),
  ),
  'a transfer back that came back stays reversed': wrong((command, account, context) => {
    const decision = decide(command, account, context);
    return decision.kind === 'accepted' && decision.event.type === 'transfer-returned'
      ? accepted({ ...decision.event, reverses: undefined })
      : decision;
  }),
  'an account is closed with money held': pretending(({ balances }, { type }) =>
    type === 'close-account' ? { balances: new Map([...balances].map(([code, balance]) => [code, { ...balance, heldMinor: 0n }])) } : {},
  ),
};
