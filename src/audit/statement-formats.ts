// Statements as text for people, as CSV and as JSON, each written line by line.
import { csvRecord, foreignCell } from './csv.ts';
import type { StatementFormat, StatementHead, StatementLine } from './statement.ts';

/** Values as the contract has them: positions as decimal strings, what is not there as null. */
const jsonLine = ({ position, ...line }: StatementLine): string => JSON.stringify({ ...line, position: `${position}` });

function jsonHead({ accountId, asset, from, to, by, position, opening }: StatementHead): string {
  const period = { from: from ?? null, to: to ?? null, by, mayBeNegative: by === 'effective' };
  const head = { accountId, asset: asset.code, ...period, position: `${position}`, opening };
  return `${JSON.stringify(head).slice(0, -1)},"lines":[`;
}

/** One JSON object. The API's `Statement` in src/api/contract.ts describes it. */
export const jsonStatement: StatementFormat = {
  head: jsonHead,
  line: (line, isFirst) => `${isFirst ? '' : ','}${jsonLine(line)}`,
  foot: (_, foot) => `],${JSON.stringify(foot).slice(1)}`,
};

const CSV_COLUMNS = [
  'recordedAt',
  'effectiveAt',
  'type',
  'what',
  'reference',
  'externalId',
  'entryId',
  'amount',
  'balance',
  'held',
] as const;

/** RFC 4180, with a header; the opening and the closing balance are lines of their own types. */
export const csvStatement: StatementFormat = {
  head: ({ from = '', opening: { total, held } }) =>
    csvRecord(CSV_COLUMNS) + csvRecord([from, '', 'opening-balance', 'Opening balance', '', '', '', '', total, held]),
  line: ({ recordedAt, effectiveAt, type, what, reference, externalId, entryId, amount, balance: { total, held } }) => {
    const foreign = [reference ?? '', externalId ?? ''].map(foreignCell);
    return csvRecord([recordedAt, effectiveAt ?? '', type, what, ...foreign, entryId, amount, total, held]);
  },
  foot: ({ to = '' }, { closing: { total, held } }) =>
    csvRecord([to, '', 'closing-balance', 'Closing balance', '', '', '', '', total, held]),
};

/** Wide enough for most; what is wider pushes its line out and loses nothing. */
const WIDTHS = { time: 24, what: 17, amount: 18 } as const;

const row = (time: string, what: string, amount: string, balance: string, held: string, rest: string): string =>
  [
    time.padEnd(WIDTHS.time),
    what.padEnd(WIDTHS.what),
    amount.padStart(WIDTHS.amount),
    balance.padStart(WIDTHS.amount),
    held.padStart(WIDTHS.amount),
    rest,
  ]
    .join('  ')
    .trimEnd()
    .concat('\n');

const ORDERED_BY = {
  system: 'By the time at which entries were recorded.',
  effective: 'By the time from which entries count, as far as is known now: such balances may be negative.',
} as const;

/** A table for a terminal. @param printable makes others' text fit to be shown there. */
export const textStatement = (printable: (text: string) => string): StatementFormat => ({
  head: ({ accountId, asset, from, to, by, position, opening }) => {
    const period = [...(from === undefined ? [] : [`from ${from}`]), ...(to === undefined ? [] : [`before ${to}`])].join(' ');
    const title = `Statement of account ${accountId} in ${asset.code}${period === '' ? '' : `, ${period}`}`;
    return [
      `${title}\n${ORDERED_BY[by]} Times are UTC; everything up to position ${position}.\n\n`,
      row('', '', 'amount', 'balance', 'of it held', ''),
      row(from ?? '', 'Opening balance', '', opening.total, opening.held, ''),
    ].join('');
  },
  line: ({ recordedAt, effectiveAt, what, reference, amount, balance }) => {
    const rest = [...(reference === null ? [] : [printable(reference)]), ...(effectiveAt === null ? [] : [`(counts from ${effectiveAt})`])];
    return row(recordedAt, what, amount, balance.total, balance.held, rest.join(' '));
  },
  foot: ({ to }, { closing, totals }) =>
    `${row(to ?? '', 'Closing balance', '', closing.total, closing.held, '')}\nIn ${totals.in}, out ${totals.out}.\n`,
});
