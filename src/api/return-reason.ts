// Why a transfer came back, as far as it is the asker's business: what state the recipient's account is in is the recipient's.
import type { LedgerEvent, ReturnReason } from '../domain/events.ts';
import type { Principal } from '../identity/principal.ts';
import { ownerLimitOf } from '../identity/principal.ts';
import { RECIPIENT_UNAVAILABLE } from './contract.ts';

/** The reason as the principal sees it: users learn of every one only that the recipient was unavailable. */
export const shownReason = (reason: ReturnReason, principal: Principal): ReturnReason | typeof RECIPIENT_UNAVAILABLE =>
  ownerLimitOf(principal) === undefined ? reason : RECIPIENT_UNAVAILABLE;

/** What an event says, to the principal: the reason of a transfer that came back as above, everything else as it stands. */
export function shownData(event: LedgerEvent, principal: Principal): Readonly<Record<string, unknown>> {
  const { type, ...data } = event;
  return event.type === 'transfer-returned' ? { ...data, reason: shownReason(event.reason, principal) } : data;
}
