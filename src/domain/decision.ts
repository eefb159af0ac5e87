// What a decider gives back, and what it may look at besides the state.
import type { Asset } from './assets.ts';
import type { LimitsSet, Side, StoredEvent } from './events.ts';
import type { FactLookup } from './facts.ts';
import type { AccountId, AssetCode } from './ids.ts';
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
  /** What the account's history knows under a key that the command asks for (see factsAskedBy). */
  readonly fact: FactLookup;
  /** Whether an account of that id was ever opened. Once it was, it is for ever. */
  accountExists(accountId: AccountId): boolean;
  /** Who acts: the account's owner, or somebody for the house. */
  readonly side: Side;
  /** The id that the event will have. What an event makes (an entry, a hold, an order, a fill, a transfer) has the event's id. */
  readonly eventId: string;
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
