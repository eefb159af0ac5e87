// Transfers between accounts: a saga over two streams. The sender's says it was sent and how it ended; the recipient's
// says whether it was taken. In between, the money is in @transit.
import type { Account } from './account.ts';
import { formatMinor, parseDecimal } from './amounts.ts';
import { amountIn, notMoving, resolveAsset } from './checks.ts';
import type { CompleteTransfer, ReceiveTransfer, ReturnTransfer, Transfer } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { accepted, refused } from './decision.ts';
import { moved, paidRefusal, paymentOf, rangeRefusal, spendingRefusal } from './entries.ts';
import type { ReturnReason } from './events.ts';
import { nothingDue } from './holds.ts';
import { TransferIdSchema } from './ids.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';

export function transfer(command: Transfer, account: Account, context: DecisionContext): Decision {
  const asset = resolveAsset(command.asset, context);
  if ('detail' in asset) return refused(asset);
  const amountMinor = amountIn(command.amount, asset);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal =
    notMoving(account) ??
    recipientRefusal(command, context) ??
    paidRefusal(command.externalId, context) ??
    spendingRefusal(account, asset, amountMinor, context);
  if (refusal) return refused(refusal);
  const transferId = TransferIdSchema.parse(context.eventId);
  return moved(account, { ...paymentOf(command, asset, amountMinor), type: 'transfer-sent', transferId, to: command.to });
}

function recipientRefusal({ to, accountId }: Transfer, context: DecisionContext): Rejection | undefined {
  if (to === accountId) return rejection('same_account', 'Sender and recipient are the same account.');
  return context.accountExists(to) ? undefined : rejection('recipient_not_found', `No account ${to}.`, { to });
}

/** The recipient's outcome, always an event: the money was taken, or refused with the reason. */
export function receiveTransfer(command: ReceiveTransfer, account: Account): Decision {
  const { transferId, from, asset, amount, reference } = command;
  const reason = unavailable(account, command);
  if (reason !== undefined) return accepted({ type: 'transfer-refused', version: 1, transferId, from, asset, amount, reason });
  return moved(account, {
    type: 'transfer-received',
    version: 1,
    transferId,
    from,
    asset,
    amount,
    balances: [],
    ...(reference === undefined ? {} : { reference }),
  });
}

function unavailable(account: Account, { asset, amount }: ReceiveTransfer): ReturnReason | undefined {
  if (account.status === 'closed') return 'recipient_closed';
  if (account.status === 'frozen') return 'recipient_frozen';
  const { minor, scale } = parseDecimal(amount);
  return rangeRefusal(account, { code: asset, scale }, minor) === undefined ? undefined : 'recipient_out_of_range';
}

/** The sender's record that the money has arrived. */
export function completeTransfer({ transferId }: CompleteTransfer, account: Account): Decision {
  const sent = account.transfers.get(transferId);
  if (sent === undefined) return nothingDue;
  const { to, asset, amount } = sent;
  return accepted({ type: 'transfer-completed', version: 1, transferId, to, asset, amount: formatMinor(amount.minor, amount.scale) });
}

/** The money comes back to the sender, whatever the state of the account: a return is never refused. */
export function returnTransfer({ transferId, reason }: ReturnTransfer, account: Account): Decision {
  const sent = account.transfers.get(transferId);
  if (sent === undefined) return nothingDue;
  const { to, asset, amount, reverses } = sent;
  return moved(account, {
    type: 'transfer-returned',
    version: 1,
    transferId,
    to,
    asset,
    amount: formatMinor(amount.minor, amount.scale),
    reason,
    balances: [],
    ...(reverses === undefined ? {} : { reverses }),
  });
}
