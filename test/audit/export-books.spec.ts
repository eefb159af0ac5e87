// The books as other programs read them: hledger and Beancount themselves, from Debian, and CSV.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beancountLedger } from '../../src/audit/export-beancount.ts';
import type { BookFormat } from '../../src/audit/export-bookings.ts';
import { exportBooks } from '../../src/audit/export-bookings.ts';
import { csvTable } from '../../src/audit/export-csv.ts';
import { hledgerJournal } from '../../src/audit/export-hledger.ts';
import { balancesOf, systemBalances } from '../../src/projections/balances.ts';
import { installDebianPackage } from '../stack/debian-package.ts';
import type { Books } from './books.ts';
import { HOSTILE_TEXTS, startBooks, VAST } from './books.ts';
import { readCsv } from './read-csv.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const execute = promisify(execFile);
const run = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> =>
  (await execute(program, args, { env: { ...process.env, ...env }, maxBuffer: MAX_OUTPUT_BYTES })).stdout;
const installed = async (program: string, debianPackage: string): Promise<void> => {
  if ((await run('which', [program]).catch(() => undefined)) === undefined) await installDebianPackage(debianPackage);
};

let books: Books;
let folder: string;
beforeAll(async () => {
  await installed('hledger', 'hledger');
  await installed('bean-check', 'beancount');
  folder = await mkdtemp(join(tmpdir(), 'ledger-export-'));
  books = await startBooks(4_000);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await books.close();
});

const written = async (format: BookFormat, to?: bigint): Promise<string> => {
  const until = to ?? (await books.store.log.end());
  if (until === undefined) throw new Error('the log is empty');
  return (await Array.fromAsync(exportBooks(books.store, format, { until }))).join('');
};
async function fileOf(name: string, format: BookFormat, to?: bigint): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, await written(format, to));
  return file;
}

/** `account asset` → amount, as the projections that the API answers from have them; what is zero is left out. */
async function projected(nameOf: (account: string, bucket: 'available' | 'held') => string): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const accountId of books.accountIds)
    for (const { asset, available, held } of await balancesOf(books.db, accountId)) {
      all[`${nameOf(accountId, 'available')} ${asset}`] = available;
      all[`${nameOf(accountId, 'held')} ${asset}`] = held;
    }
  for (const { account, asset, balance } of await systemBalances(books.db)) all[`${nameOf(account, 'available')} ${asset}`] = balance;
  return Object.fromEntries(Object.entries(all).filter(([, amount]) => /[1-9]/.test(amount)));
}
const inJournal = (account: string, bucket: string): string =>
  account.startsWith('@') ? `equity:${account.slice(1)}` : `assets:customers:${account}:${bucket}`;
const inBeancount = (account: string, bucket: string): string =>
  account.startsWith('@')
    ? `Equity:${account.slice(1, 2).toUpperCase()}${account.slice(2)}`
    : `Assets:Customers:Account-${account}-${bucket}`;

/** The balances as Beancount's own loader has them; its query language rounds what it shows. */
const SUMS = `
import collections, json, sys
from beancount import loader
from beancount.core import data
entries, errors, options = loader.load_file(sys.argv[1])
assert not errors, errors
sums = collections.defaultdict(int)
for entry in data.filter_txns(entries):
    for posting in entry.postings:
        sums[posting.account + ' ' + posting.units.currency] += posting.units.number
print(json.dumps({name: format(amount, 'f') for name, amount in sums.items() if amount}))
`;

/** A number's value, however many decimals are shown. */
const withoutZeros = (amount: string): string => amount.replace(/(\.[0-9]*?)0+$/, '$1').replace(/\.$/, '');

describe('hledger', () => {
  const hledger = (locale: string, ...args: readonly string[]): Promise<string> => run('hledger', args, { LC_ALL: locale });

  test.each([
    ['UTF-8', 'C.UTF-8', false],
    ['ASCII', 'C', true],
  ] as const)(
    'finds every account and asset declared, every date in order, and the balances that are projected: %s',
    async (_, locale, isAscii) => {
      const file = await fileOf('books.journal', hledgerJournal({ isAscii }));
      await hledger(locale, 'check', '--strict', '-f', file);
      await hledger(locale, 'check', 'accounts', 'commodities', 'ordereddates', '-f', file);
      const [, ...rows] = readCsv(await hledger(locale, 'balance', '-f', file, '--no-total', '--layout=bare', '-O', 'csv'));
      const balances = Object.fromEntries(rows.map(([account, commodity, amount]) => [`${account} ${commodity}`, amount]));
      expect(balances).toEqual(await projected(inJournal));
      expect(Object.keys(balances).length).toBeGreaterThan(50);
    },
  );

  test('no words of others move a transaction; a date back does', async () => {
    const file = await fileOf('dates.journal', hledgerJournal({ isAscii: false }));
    expect(await hledger('C.UTF-8', 'print', '-f', file, 'date:..2010')).toBe('');
    const back = await hledger('C.UTF-8', 'print', '-f', file, 'date2:2020-02-29');
    expect(back).toMatch(/^\d{4}-\d{2}-\d{2}=2020-02-29 \* \(/);
    expect(back.match(/^ .*11\.00 USD$/gm)).toHaveLength(2);
    const said = await hledger('C.UTF-8', 'print', '-f', file, `acct:${books.oddAccount}`);
    expect(said).toContain('ünïcode 💶');
    expect(said.match(/, reference "/g)).toHaveLength(HOSTILE_TEXTS.length + 1);
  });
});

test('Beancount finds no fault, and the balances that are projected', async () => {
  // It computes with 28 digits: a transaction with more is said to be one.
  const file = await fileOf('books.beancount', beancountLedger, books.beforeVast);
  expect((await written(beancountLedger)).match(/^; more than the 28 digits/gm)).toHaveLength(1);
  const { stdout, stderr } = await execute('bean-check', [file]);
  expect(stdout + stderr).toBe('');
  const sums: Record<string, string> = JSON.parse(await run('/usr/bin/python3', ['-c', SUMS, file]));
  const found = Object.entries(sums).map(([name, amount]) => [name.replace('TRUE.ASSET', 'TRUE'), withoutZeros(amount)] as const);
  const expected = Object.entries(await projected(inBeancount)).filter(([name]) => !name.endsWith(` ${VAST}`));
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected.map(([name, amount]) => [name, withoutZeros(amount)])));
});

describe('CSV', () => {
  test('has a line a posting, which sum to the balances that are projected', async () => {
    const [head = [], ...rows] = readCsv(await written(csvTable));
    expect(rows.every((row) => row.length === head.length)).toBe(true);
    const column = (name: string): number => head.indexOf(name);
    const sums: Record<string, bigint> = {};
    for (const row of rows) {
      const name = `${row[column('account')]} ${row[column('asset')]}`;
      // All amounts of an asset have as many decimals.
      sums[name] = (sums[name] ?? 0n) + BigInt(row[column('amount')]?.replace('.', '') ?? '');
    }
    const expected = Object.entries(await projected(inJournal)).map(([name, amount]) => [name, BigInt(amount.replace('.', ''))]);
    expect(Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0n))).toEqual(Object.fromEntries(expected));
  });

  test('no cell is a formula, whatever was said', async () => {
    const cells = readCsv(await written(csvTable)).flat();
    expect(cells.filter((cell) => /^[=+@\t]|^-(?![0-9])/.test(cell))).toEqual([]);
    expect(cells.filter((cell) => cell.includes('HYPERLINK'))).toHaveLength(2);
  });
});

test('an export to a position is the beginning of the whole one', async () => {
  const positionIn = (line: string | undefined): string => line?.split(',')[0] ?? '';
  const all = (await written(csvTable)).split('\r\n');
  const middle = positionIn(all[Math.floor(all.length / 2)]);
  const part = (await written(csvTable, BigInt(middle))).split('\r\n').slice(0, -1);
  expect(part).toEqual(all.slice(0, part.length));
  expect(positionIn(part.at(-1))).toBe(middle);
  expect(positionIn(all[part.length])).not.toBe(middle);
});
