// The books as Beancount 2 and 3 read them (https://beancount.github.io/docs/beancount_language_syntax.html).
import { formatMinor } from '../domain/amounts.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Asset } from '../domain/assets.ts';
import type { Posting } from '../domain/postings.ts';
import { SYSTEM_ACCOUNTS } from '../domain/postings.ts';
import type { BookFormat, Booking, ExportItem } from './export-bookings.ts';
import { dayIn, isSystem, onOneLine, systemName } from './export-bookings.ts';

/**
 * A part of a name begins with a capital letter or a digit, and an account's id need not; so the id and the bucket are one part.
 */
function accountName({ account, bucket }: Pick<Posting, 'account' | 'bucket'>): string {
  if (!isSystem(account)) return `Assets:Customers:Account-${account}-${bucket}`;
  const name = systemName(account);
  return `Equity:${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
}

/** Three words that could be codes are values of the language's own. */
const currency = (code: string): string => (/^(TRUE|FALSE|NULL)$/.test(code) ? `${code}.ASSET` : code);

const quoted = (text: string): string => `"${onOneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** Before any day that the books have. */
const FIRST_DAY = '1970-01-01';

const opened = (day: string, place: Pick<Posting, 'account' | 'bucket'>): string => `${day} open ${accountName(place)}\n`;

const declared = (day: string, { code, name }: Asset): string => `${day} commodity ${currency(code)}\n  name: ${quoted(name)}\n\n`;

/** Python's decimal numbers, unless told otherwise, which a file cannot. */
const MAX_DIGITS = 28;
const TOO_LONG = `; more than the ${MAX_DIGITS} digits that Beancount computes with: it will say that this does not balance\n`;

function transaction({ eventId, stream, revision, position, type, recordedAt, effectiveAt, description, postings }: Booking): string {
  const metadata = [
    `  event: "${eventId}"`,
    `  type: "${type}"`,
    `  stream: "${stream}"`,
    `  revision: "${revision}"`,
    `  position: "${position}"`,
    ...(effectiveAt === undefined ? [] : [`  effective: ${dayIn(effectiveAt)}`]),
  ];
  const lines = postings.map(
    (posting) => `  ${accountName(posting)}  ${formatMinor(posting.amountMinor, posting.scale)} ${currency(posting.asset)}`,
  );
  const isTooLong = postings.some(({ amountMinor }) => `${amountMinor}`.replace('-', '').length > MAX_DIGITS);
  return `${isTooLong ? TOO_LONG : ''}${dayIn(recordedAt)} * ${quoted(description)}\n${[...metadata, ...lines].join('\n')}\n\n`;
}

function item(exported: ExportItem): string {
  switch (exported.kind) {
    case 'asset':
      return declared(dayIn(exported.recordedAt), exported.asset);
    case 'account':
      return (['available', 'held'] as const)
        .map((bucket) => opened(dayIn(exported.recordedAt), { account: exported.accountId, bucket }))
        .join('');
    case 'booking':
      return transaction(exported);
    default:
      return assertNever(exported);
  }
}

/** Dates are days in UTC; `effective` is the day from which an entry that was dated back counts. */
export const beancountLedger: BookFormat = {
  head: (upTo) => {
    const accounts = SYSTEM_ACCOUNTS.map((account) => opened(FIRST_DAY, { account, bucket: 'available' }));
    return `; Ledgerfold, the books up to position ${upTo}\n\n${accounts.join('')}\n`;
  },
  item,
  foot: (upTo, bookings) => `; the end, at position ${upTo}; transactions: ${bookings}\n`,
};
