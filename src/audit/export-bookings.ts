// The books as exports write them: each event that an accountant's file has a line for, in log order.
import { assertNever } from '../domain/assert-never.ts';
import type { Asset } from '../domain/assets.ts';
import type { EventType } from '../domain/events.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Posting, SystemAccount } from '../domain/postings.ts';
import { postingsOf } from '../domain/postings.ts';
import type { EventStore } from '../eventstore/client.ts';
import type { BatchEvent } from '../projections/batch.ts';
import { workOut } from '../projections/batch.ts';
import type { ReadOptions } from './read-log.ts';
import { readEvents } from './read-log.ts';
import { inWords } from './words.ts';

/** An event that moves value. Its postings sum to zero in every asset. */
export interface Booking {
  readonly kind: 'booking';
  readonly eventId: string;
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly type: EventType;
  /** When the ledger took it down (RFC 3339), which never goes back from one booking to the next. */
  readonly recordedAt: string;
  /** From when it counts, where it was dated back. */
  readonly effectiveAt?: string;
  readonly description: string;
  readonly postings: readonly Posting[];
}

export type ExportItem =
  | Booking
  /** Comes before every booking of the account, and once. */
  | { readonly kind: 'account'; readonly accountId: AccountId; readonly recordedAt: string }
  | { readonly kind: 'asset'; readonly asset: Asset; readonly recordedAt: string };

/** A way of writing the books down as text. */
export interface BookFormat {
  /** What stands before everything else. @param upTo the last position that the export has. */
  readonly head: (upTo: bigint) => string;
  readonly item: (item: ExportItem) => string;
  /** What stands last: without it, an export is not whole. */
  readonly foot: (upTo: bigint, bookings: number) => string;
}

/**
 * The books up to a position, itself included, as text. Memory is flat.
 * @throws UnreadableEvent or UnappliableEvent at an event that makes no sense; StoreUnavailable
 */
export async function* exportBooks(
  store: Pick<EventStore, 'log' | 'annulments'>,
  format: BookFormat,
  options: ReadOptions & { readonly until: bigint },
): AsyncGenerator<string, void, undefined> {
  yield format.head(options.until);
  let recordedAt: string | null = null;
  let bookings = 0;
  for await (const events of readEvents(store, options)) {
    for (const entry of workOut(events, recordedAt)) {
      recordedAt = entry.recordedAt;
      const item = itemOf(entry);
      if (item === undefined) continue;
      if (item.kind === 'booking') bookings += 1;
      yield format.item(item);
    }
  }
  yield format.foot(options.until, bookings);
}

/** What an event is in the books; undefined where they have nothing of it. */
function itemOf({ event, recorded, recordedAt, effectiveAt }: BatchEvent): ExportItem | undefined {
  const { subject, eventId, stream, revision, position } = recorded;
  if (event.type === 'annulled') return undefined;
  switch (subject.kind) {
    case 'asset': {
      if (event.type !== 'asset-registered') return undefined;
      const { type: _, version: __, ...asset } = event;
      return { kind: 'asset', asset, recordedAt };
    }
    case 'account': {
      if (event.type === 'account-opened') return { kind: 'account', accountId: subject.accountId, recordedAt };
      const postings = postingsOf(event, subject.accountId);
      if (postings.length === 0) return undefined;
      const place = { eventId, stream, revision, position, type: event.type };
      const description = inWords(event);
      return { kind: 'booking', ...place, recordedAt, ...(effectiveAt !== undefined && { effectiveAt }), description, postings };
    }
    default:
      return assertNever(subject);
  }
}

/** An account and bucket as journals name it: customers under assets, the system's under equity. */
export const journalAccount = ({ account, bucket }: Pick<Posting, 'account' | 'bucket'>): string =>
  isSystem(account) ? `equity:${systemName(account)}` : `assets:customers:${account}:${bucket}`;

export const isSystem = (account: Posting['account']): account is SystemAccount => account.startsWith('@');
export const systemName = (account: SystemAccount): string => account.slice(1);

/** The UTC day of a time. */
export const dayIn = (time: string): string => new Date(time).toISOString().slice(0, 'YYYY-MM-DD'.length);

/** Text of others on one line, without what could end it. */
export const onOneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ');
