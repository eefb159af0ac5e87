// docs/audit.md, carried out: every command in it is run by a real shell beside a running ledger, and what it shows is what is printed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { installDebianPackage } from '../stack/debian-package.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import type { TestStores } from '../stack/stores.ts';
import { startStores } from '../stack/stores.ts';

const root = join(import.meta.dirname, '../..');
const ACCOUNT = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const page = readFileSync(join(root, 'docs/audit.md'), 'utf8');

interface Step {
  readonly commands: readonly string[];
  /** What they print together, "…" standing for anything. */
  readonly shown: string | undefined;
}

/** The blocks of commands, each with what is shown right below it. */
const STEPS: readonly Step[] = [...page.matchAll(/^```sh\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm)].map(
  ([, commands = '', shown]) => ({ commands: commands.trim().split('\n'), shown }),
);
/** The one command that is shown to fail. */
const FAILS = `npx ledger replay ${ACCOUNT} --to 2026-01-01`;

let stores: TestStores;
let ledger: LedgerProcess;
let folder: string;
beforeAll(async () => {
  for (const [program, debianPackage] of [
    ['hledger', 'hledger'],
    ['bean-check', 'beancount'],
  ] as const)
    if (spawnSync('which', [program]).status !== 0) await installDebianPackage(debianPackage);
  folder = await mkdtemp(join(tmpdir(), 'ledger-audit-'));
  stores = await startStores();
  ledger = await spawnLedger(stores.environment);
  const authorization = `Bearer ${ledger.operatorToken}`;
  const post = async (path: string, key: string, body: object): Promise<string> => {
    const answer = await fetch(`${ledger.apiUrl}/v1/accounts${path}`, {
      method: 'POST',
      headers: { authorization, 'idempotency-key': key, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return z.object({ position: z.string() }).parse(await answer.json()).position;
  };
  await post('', 'open-1', { accountId: ACCOUNT, label: 'Household' });
  await post(`/${ACCOUNT}/deposits`, 'pay-1', { asset: 'USD', amount: '100.00', reference: 'salary' });
  await post(`/${ACCOUNT}/holds`, 'hold-1', { asset: 'USD', amount: '10.00' });
  await post(`/${ACCOUNT}/withdrawals`, 'out-1', { asset: 'USD', amount: '30.00', reference: 'rent' });
  await post(`/${ACCOUNT}/withdrawals`, 'out-2', { asset: 'USD', amount: '60.01' });
  const late = { asset: 'USD', amount: '40.00', reference: 'late', effectiveAt: '2026-01-02T09:00:00Z' };
  const position = await post(`/${ACCOUNT}/deposits`, 'pay-2', late);
  await fetch(`${ledger.apiUrl}/v1/accounts/${ACCOUNT}?minPosition=${position}`, { headers: { authorization } });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await ledger.close();
  await stores.close();
});

/** In the checkout, as somebody who sits there would type it, but with a folder of the test's own. */
function run(command: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync('/bin/sh', ['-c', command.replaceAll('~/audit', folder)], {
    encoding: 'utf8',
    cwd: root,
    env: ledgerEnvironment({ ...stores.environment, LEDGER_DATA_DIR: ledger.dataDir }),
  });
}

/** How wide a column is depends on what stands in it. */
const linesOf = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' ').trim());
const asPattern = (shown: string): RegExp =>
  new RegExp(
    `^${shown
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );

test('it has commands for every step', () => {
  expect(STEPS.length).toBeGreaterThanOrEqual(10);
  expect(STEPS.flatMap(({ commands }) => commands)).toContain(FAILS);
});

test.each(STEPS.map((step) => [step.commands.at(-1) ?? '', step] as const))('%s', async (_, { commands, shown }) => {
  let printed = '';
  for (const command of commands) {
    const { status, stdout, stderr } = run(command);
    expect(status, `${command}: ${stderr}`).toBe(command === FAILS ? 1 : 0);
    printed += stdout;
  }
  if (shown === undefined) return;
  const [lines, expected] = [linesOf(printed), linesOf(shown)];
  // Line by line, so that a failure shows which.
  expect(lines.map((line, n) => (asPattern(expected[n] ?? '').test(line) ? expected[n] : line))).toEqual(expected);
});

test('what was taken away is whole', async () => {
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  expect(JSON.parse(await read('ledger-keys.json')).keys).toHaveLength(1);
  expect(JSON.parse(await read('checkpoint.json'))).toMatchObject({ format: 'ledgerfold-chain/1' });
  expect((await read('books.beancount')).trimEnd().split('\n').at(-1)).toMatch(/^; the end, at position \d+; transactions: 4$/);
  expect((await read('books.csv')).split('\r\n')).toHaveLength(1 + 2 * 4 + 1);
  expect((await read('replay.jsonl')).trimEnd().split('\n')).toHaveLength(6);
  expect((await read('statement.csv')).split('\r\n').at(-2)).toBe('2027-01-01T00:00:00Z,,closing-balance,Closing balance,,,,,110.00,10.00');
});
