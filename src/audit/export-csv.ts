// The books as a table, a line for each posting.
import { formatMinor } from '../domain/amounts.ts';
import { csvRecord } from './csv.ts';
import type { BookFormat } from './export-bookings.ts';
import { journalAccount, onOneLine } from './export-bookings.ts';

const COLUMNS = [
  'position',
  'line',
  'event',
  'stream',
  'revision',
  'type',
  'recordedAt',
  'effectiveAt',
  'account',
  'asset',
  'amount',
  'description',
] as const;

/** The lines of one position sum to zero in every asset. */
export const csvTable: BookFormat = {
  head: () => csvRecord(COLUMNS),
  item: (item) => {
    if (item.kind !== 'booking') return '';
    const { position, eventId, stream, revision, type, recordedAt, effectiveAt = '', description, postings } = item;
    const before = (line: number): string[] => [`${position}`, `${line}`, eventId, stream, `${revision}`, type, recordedAt, effectiveAt];
    return postings
      .map((posting, line) =>
        // The description begins with the ledger's own words, so that no spreadsheet takes it for a formula.
        csvRecord([
          ...before(line),
          journalAccount(posting),
          posting.asset,
          formatMinor(posting.amountMinor, posting.scale),
          onOneLine(description),
        ]),
      )
      .join('');
  },
  foot: () => '',
};
