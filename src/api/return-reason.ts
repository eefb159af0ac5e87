// Why a transfer came back, as far as it is the asker's business: what state the recipient's account is in is the recipient's.
import type { LedgerEvent, ReturnReason } from '../domain/events.ts';
import { RECIPIENT_UNAVAILABLE } from './contract.ts';

/** The reason as it is shown: whoever sees their own accounts only learns of every one that the recipient was unavailable. */
export const shownReason = (reason: ReturnReason, ownerLimit: string | undefined): ReturnReason | typeof RECIPIENT_UNAVAILABLE =>
  ownerLimit === undefined ? reason : RECIPIENT_UNAVAILABLE;

/** What an event says, as it is shown: the reason of a transfer that came back as above, everything else as it stands. */
export function shownData(event: LedgerEvent, ownerLimit: string | undefined): Readonly<Record<string, unknown>> {
  const { type, ...data } = event;
  return event.type === 'transfer-returned' ? { ...data, reason: shownReason(event.reason, ownerLimit) } : data;
}
