// Statements hold together and agree with the balances, whatever time they are asked for and however much is dated back.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StatementFoot, StatementFormat, StatementHead, StatementLine } from '../../src/audit/statement.ts';
import { openStatement, writeStatement } from '../../src/audit/statement.ts';
import { csvStatement, jsonStatement, textStatement } from '../../src/audit/statement-formats.ts';
import { formatMinor, parseDecimal } from '../../src/domain/amounts.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId, AssetCode } from '../../src/domain/ids.ts';
import { findAsset } from '../../src/projections/assets.ts';
import type { TimeAxis } from '../../src/projections/balances.ts';
import { balancesAt, balancesOf } from '../../src/projections/balances.ts';
import { deposited, newEvent, USD } from '../eventstore/new-events.ts';
import type { Books } from './books.ts';
import { startBooks } from './books.ts';
import { readCsv } from './read-csv.ts';

let books: Books;
beforeAll(async () => {
  books = await startBooks(3_000);
});
afterAll(() => books.close());

interface Read {
  readonly head: StatementHead;
  readonly lines: readonly StatementLine[];
  readonly foot: StatementFoot;
}
interface Asked {
  readonly from?: string;
  readonly to?: string;
  readonly by: TimeAxis;
}

async function opened(accountId: AccountId, code: AssetCode, asked: Asked): Promise<StatementHead> {
  const asset = await findAsset(books.db, code);
  if (asset === undefined) throw new Error(`no asset ${code}`);
  return openStatement(books.db, { accountId, asset, ...asked });
}

async function read(accountId: AccountId, code: AssetCode, asked: Asked): Promise<Read> {
  const lines: StatementLine[] = [];
  let foot: StatementFoot | undefined;
  const head = await opened(accountId, code, asked);
  const format: StatementFormat = {
    head: () => '',
    line: (line) => {
      lines.push(line);
      return '';
    },
    foot: (_, said) => {
      foot = said;
      return '';
    },
  };
  await Array.fromAsync(writeStatement(books.db, head, format));
  if (foot === undefined) throw new Error('a statement without an end');
  return { head, lines, foot };
}

const minor = (amount: string): bigint => parseDecimal(amount).minor;
const countsFrom = (line: StatementLine, by: TimeAxis): string =>
  by === 'system' ? line.recordedAt : (line.effectiveAt ?? line.recordedAt);

/** Times at which something was recorded, and times between them. */
async function someTimes(accountId: AccountId): Promise<readonly string[]> {
  const { lines } = await read(accountId, USD, { by: 'effective' });
  return lines
    .filter((_, n) => n % 7 === 0)
    .flatMap((line) => [countsFrom(line, 'effective'), new Date(Date.parse(line.recordedAt) + 1).toISOString()]);
}

test.each(['system', 'effective'] as const)(
  'opening, lines and closing add up, and are the balances of those times: by %s time',
  async (by) => {
    for (const accountId of books.accountIds.slice(-4)) {
      const times = (await someTimes(accountId)).toSorted();
      expect(times.length).toBeGreaterThan(3);
      for (const { asset } of await balancesOf(books.db, accountId))
        for (const [n, from] of times.entries()) {
          const to = times[n + 3];
          if (to === undefined || to === from) continue;
          const { head, lines, foot } = await read(accountId, asset, { from, to, by });
          const at = async (time: string) => {
            const before = new Date(Date.parse(time) - 1).toISOString();
            const known = (await balancesAt(books.db, accountId, { at: before, by })).find((balance) => balance.asset === asset);
            const zero = formatMinor(0n, head.asset.scale);
            return { total: known?.total ?? zero, held: known?.held ?? zero };
          };
          expect(head.opening).toEqual(await at(from));
          expect(foot.closing).toEqual(await at(to));
          expect(lines.at(-1)?.balance ?? head.opening).toEqual(foot.closing);
          const [came, went] = [minor(foot.totals.in), minor(foot.totals.out)];
          expect(minor(head.opening.total) + came - went).toBe(minor(foot.closing.total));
          let running = minor(head.opening.total);
          for (const line of lines) {
            running += minor(line.amount);
            expect(minor(line.balance.total)).toBe(running);
            expect(countsFrom(line, by) >= from && countsFrom(line, by) < to).toBe(true);
          }
        }
    }
  },
);

test('two statements that meet have every entry once, whatever the fraction of the second where they meet', async () => {
  const accountId = books.oddAccount;
  const { lines } = await read(accountId, USD, { by: 'system' });
  const met = lines[Math.floor(lines.length / 2)]?.recordedAt ?? '';
  for (const edge of [met, met.replace('Z', '001Z'), met.replace('Z', '000Z')]) {
    const [one, other] = [await read(accountId, USD, { to: edge, by: 'system' }), await read(accountId, USD, { from: edge, by: 'system' })];
    expect([...one.lines, ...other.lines]).toEqual(lines);
    expect(other.head.opening).toEqual(one.foot.closing);
  }
});

test('what is recorded while it is written does not come into it', async () => {
  const accountId = books.accountIds[0] ?? books.oddAccount;
  const head = await opened(accountId, USD, { by: 'system' });
  const closing = (await balancesOf(books.db, accountId)).find(({ asset }) => asset === USD)?.total;
  const texts = writeStatement(books.db, head, jsonStatement);
  const first = await texts.next();
  await books.append(accountStream(accountId), newEvent(deposited('1.00')));
  await books.caughtUp();
  const rest = await Array.fromAsync(texts);
  const statement = JSON.parse(`${first.value}${rest.join('')}`);
  expect(statement.closing.total).toBe(closing);
  expect(statement.position).toBe(`${head.position}`);
});

test('as JSON, CSV and text it says the same', async () => {
  const head = await opened(books.oddAccount, USD, { by: 'system' });
  const as = async (format: StatementFormat): Promise<string> => (await Array.fromAsync(writeStatement(books.db, head, format))).join('');
  const { lines, closing, totals } = JSON.parse(await as(jsonStatement));
  const amounts: readonly string[] = lines.map(({ amount }: StatementLine) => amount);
  expect(amounts.length).toBeGreaterThan(10);
  const [, , ...records] = readCsv(await as(csvStatement));
  expect(records.slice(0, -1).map((record) => record[7])).toEqual(amounts);
  expect(records.at(-1)?.slice(-2)).toEqual([closing.total, closing.held]);
  expect(records.flat().filter((cell) => /^[=+@\t]|^-(?![0-9])/.test(cell))).toEqual([]);
  const text = await as(textStatement((words) => words.toUpperCase()));
  const rows = text.split('\n').slice(4, 4 + amounts.length + 1);
  expect(rows.slice(1).map((row) => /\s(-?[0-9.]+)\s+[0-9.]+\s+[0-9.]+(?:\s{2}|$)/.exec(row.slice(42))?.[1])).toEqual(amounts);
  expect(text).toContain('ÜNÏCODE');
  expect(text.endsWith(`In ${totals.in}, out ${totals.out}.\n`)).toBe(true);
});
