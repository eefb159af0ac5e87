// What a decider gives back, and what it may look at besides the state.
import type { Asset } from './assets.ts';
import type { LimitsSet, StoredEvent } from './events.ts';
import type { AssetCode } from './ids.ts';
import type { Rejection, RejectionCode, RejectionFields } from './rejections.ts';
import { rejection } from './rejections.ts';

/** One command, one event: the event is the outcome, applied or (made by the caller from the refusal) rejected. */
export type Decision =
  | { readonly kind: 'accepted'; readonly event: StoredEvent }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

export const accepted = (event: StoredEvent): Decision => ({ kind: 'accepted', event });
export const refused = (refusal: Rejection): Decision => ({ kind: 'rejected', rejection: refusal });
export const rejected = (code: RejectionCode, detail: string, fields?: RejectionFields): Decision =>
  refused(rejection(code, detail, fields));

export type InheritedLimits = readonly Pick<LimitsSet, 'asset' | 'perWithdrawal' | 'perDay'>[];

/** The world as far as a decision may look at it. Everything is read before; deciding is pure. */
export interface DecisionContext {
  /** The registered asset of that code. */
  asset(code: AssetCode): Asset | undefined;
  /** Whether an applied deposit or withdrawal of this account carried that externalId. */
  isExternalIdUsed(externalId: string): boolean;
  /** When the command happens, RFC 3339 UTC: max(clock, the account's last event), see occurredAt. */
  readonly occurredAt: string;
  /** The limits of the owner's first account, for a new one. */
  readonly inheritedLimits: InheritedLimits;
}

/** The time of a command's event: the clock's, but never before the stream's last event. */
export function occurredAt(nowMs: number, lastOccurredAt: string | undefined): string {
  const lastMs = lastOccurredAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(lastOccurredAt);
  return new Date(Math.max(nowMs, lastMs)).toISOString();
}
