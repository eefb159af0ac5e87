// The transfers that an account has sent and that have not ended yet: their money is in @transit, and may come back.
import type { Map as PersistentMap } from 'immutable';
import type { Decimal } from './amounts.ts';
import { parseDecimal } from './amounts.ts';
import type { LedgerEvent, TransferCompleted, TransferReturned, TransferSent } from './events.ts';
import type { AccountId, AssetCode, TransferId } from './ids.ts';
import { InvariantViolated } from './invariant.ts';
import { nextStatus, TRANSFER_TRANSITIONS } from './lifecycles.ts';

export interface TransferUnderWay {
  readonly transferId: TransferId;
  readonly to: AccountId;
  readonly asset: AssetCode;
  readonly amount: Decimal;
  /** The entry whose reversal this is. */
  readonly reverses?: string;
}
/** Persistent: a version of it costs the same however many there are. */
export type TransfersUnderWay = PersistentMap<TransferId, TransferUnderWay>;

export const transferFrom = ({
  transferId,
  to,
  asset,
  amount,
  reverses,
}: Pick<TransferSent, 'transferId' | 'to' | 'asset' | 'amount' | 'reverses'>): TransferUnderWay => ({
  transferId,
  to,
  asset,
  amount: parseDecimal(amount),
  ...(reverses === undefined ? {} : { reverses }),
});

/**
 * The transfers under way after an event of the sender.
 * @throws InvariantViolated where it ends one that is not under way, or brings back another amount.
 */
export function evolveTransfers(transfers: TransfersUnderWay, event: LedgerEvent): TransfersUnderWay {
  if (event.type === 'transfer-sent') {
    nextStatus(TRANSFER_TRANSITIONS, transfers.has(event.transferId) ? 'pending' : 'none', event.type);
    return transfers.set(event.transferId, transferFrom(event));
  }
  return event.type === 'transfer-completed' || event.type === 'transfer-returned' ? afterEnd(transfers, event) : transfers;
}

function afterEnd(transfers: TransfersUnderWay, event: TransferCompleted | TransferReturned): TransfersUnderWay {
  const sent = transfers.get(event.transferId);
  nextStatus(TRANSFER_TRANSITIONS, sent === undefined ? 'none' : 'pending', event.type);
  if (sent === undefined || sent.asset !== event.asset || sent.amount.minor !== parseDecimal(event.amount).minor)
    throw new InvariantViolated(`${event.type} of ${event.amount} ${event.asset} does not fit transfer ${event.transferId}`);
  return transfers.delete(event.transferId);
}
