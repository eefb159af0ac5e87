// The books as hledger reads them (https://hledger.org/hledger.html#journal).
import { formatMinor } from '../domain/amounts.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Asset } from '../domain/assets.ts';
import { SYSTEM_ACCOUNTS } from '../domain/postings.ts';
import type { BookFormat, Booking, ExportItem } from './export-bookings.ts';
import { dayIn, journalAccount, onOneLine } from './export-bookings.ts';

/** A code with digits in it must stand in quotes. */
const commodity = (code: string): string => (/^[A-Z]+$/.test(code) ? code : `"${code}"`);

/** Text of others as one line without a semicolon, which would begin a comment. */
const description = (text: string): string => onOneLine(text).replaceAll(';', ',');
/** In a comment, a word with a colon is a tag, and `date:` would even move the transaction. */
const withoutTags = (text: string): string => description(text).replaceAll(/[:[\]]/g, ' ');

const inAscii = (text: string): string => text.replaceAll(/\P{ASCII}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/** hledger shows amounts as the directive does, and wants to see its decimal mark even where no decimals follow. */
const directive = ({ code, name, scale }: Asset): string =>
  `commodity 1000.${'0'.repeat(scale)} ${commodity(code)}\n  ; ${withoutTags(name)}\n\n`;

function transaction({ eventId, stream, revision, position, type, recordedAt, effectiveAt, description: text, postings }: Booking): string {
  const days = effectiveAt === undefined ? dayIn(recordedAt) : `${dayIn(recordedAt)}=${dayIn(effectiveAt)}`;
  const lines = postings.map(
    (posting) => `    ${journalAccount(posting)}  ${formatMinor(posting.amountMinor, posting.scale)} ${commodity(posting.asset)}\n`,
  );
  const tags = [`event:${eventId}`, `type:${type}`, `stream:${stream}`, `revision:${revision}`];
  return `${days} * (${position}) ${description(text)}\n    ; ${tags.join(', ')}\n${lines.join('')}\n`;
}

function item(exported: ExportItem): string {
  switch (exported.kind) {
    case 'asset':
      return directive(exported.asset);
    case 'account':
      return (['available', 'held'] as const)
        .map((bucket) => `account ${journalAccount({ account: exported.accountId, bucket })}\n`)
        .join('');
    case 'booking':
      return transaction(exported);
    default:
      return assertNever(exported);
  }
}

/**
 * Dates are days in UTC; the second one, of an entry dated back, is the day from which it counts (`--date2`).
 * @param isAscii for a hledger that runs in a locale without UTF-8: it reads nothing of a file that has other characters in it.
 */
export const hledgerJournal = ({ isAscii }: { readonly isAscii: boolean }): BookFormat => ({
  head: (upTo) => {
    const accounts = SYSTEM_ACCOUNTS.map((account) => `account ${journalAccount({ account, bucket: 'available' })}\n`);
    return `; Ledgerfold, the books up to position ${upTo}\ndecimal-mark .\n\n${accounts.join('')}\n`;
  },
  item: (exported) => (isAscii ? inAscii(item(exported)) : item(exported)),
  foot: (upTo, bookings) => `; the end, at position ${upTo}; transactions: ${bookings}\n`,
});
