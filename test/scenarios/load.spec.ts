// The load client against a ledger: clean where the ledger is right, and not where anything was done to its books.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { planOf } from '../../packages/load/src/plan.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { runVerb } from '../cli/run-verb.ts';
import { createClient } from '../stack/clients.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import type { TestStores } from '../stack/stores.ts';
import { startStores } from '../stack/stores.ts';
import { LOAD_PROGRAM, runLoadClient } from './load-client.ts';
import type { Meddling, Passing } from './meddling-gateway.ts';
import { startMeddlingGateway } from './meddling-gateway.ts';

/** Small: what is looked for is whether books are equal, and not how fast they became so. A request may take as long as a busy machine needs. */
const SHORT = ['--rps', '40', '--duration', '5', '--warm-up', '1', '--users', '6', '--timeout', '120', '--log-in-every', '2'];

const counts = z.record(z.string(), z.int());
const Figures = z.object({ count: z.int(), p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() });
const Operation = Figures.extend({ operation: z.string(), outcomes: counts, dooms: counts.optional() });
const Report = z.object({
  seed: z.string(),
  operations: z.array(Operation),
  aside: z.array(Operation),
  durable: Figures,
  visible: Figures,
  errors: z.int(),
  examples: z.array(z.string()),
  reconciliation: z.object({ accounts: z.int(), events: z.int(), applied: z.int(), differences: z.array(z.string()) }),
});
type Report = z.output<typeof Report>;

let stores: TestStores;
let ledger: LedgerProcess;
let folder: string;
beforeAll(async () => {
  stores = await startStores();
  ledger = await spawnLedger(stores.environment);
  folder = await scratchFolder();
});
afterAll(async () => {
  await ledger.close();
  await stores.close();
  await rm(folder, { recursive: true, force: true });
});

/** The load client by itself, as an operator. */
async function load(url: string, ...args: readonly string[]): Promise<{ code: number; report: Report }> {
  const { code, report } = await runLoadClient({ url, token: ledger.operatorToken, args: [...SHORT, ...args] });
  return { code, report: Report.parse(report) };
}
/** The same through a gateway that meddles. */
async function loadThrough(
  meddle: Parameters<typeof startMeddlingGateway>[1],
  ...args: readonly string[]
): Promise<{ code: number; report: Report }> {
  await using gateway = await startMeddlingGateway(ledger.apiUrl, meddle);
  return await load(gateway.url, ...args);
}

/** Meddles with the first request that `isMeant`, and with no other. */
function withFirst(isMeant: (request: Passing) => boolean, meddling: (request: Passing) => Promise<Meddling> | Meddling) {
  let isDone = false;
  return (request: Passing): Promise<Meddling> | Meddling | undefined => {
    if (isDone || !isMeant(request)) return undefined;
    isDone = true;
    return meddling(request);
  };
}

const SEED = 'meddled with';
/** A deposit of the plan of that seed, after the warm-up. */
const depositIn = (seed: string): number => {
  const found = [...planOf({ seed, users: 6, rps: 40, steps: 240 })].find(
    ({ operation, number }) => operation === 'deposit' && number > 60,
  );
  if (found === undefined) throw new Error('there is no deposit in the plan');
  return found.number;
};
const isOfStep =
  (number: number) =>
  ({ key = '' }: Passing): boolean =>
    key.endsWith(`:${number}.0`);

test('the verb finds the running ledger, and all books are equal', async () => {
  const chart = join(folder, 'chart.svg');
  const { code, stdout, stderr } = await runVerb(['load', ...SHORT, '--seed', 'books', '--chart', chart], {
    ...stores.environment,
    LEDGER_DATA_DIR: ledger.dataDir,
  });
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  expect(stdout).toMatch(/^operation +count +rate\/s .* outcomes$/m);
  expect(stdout).toMatch(/books: 6 accounts, \d+ events, .* decisions, projection and log say the same as this client/);
  expect(stdout).toMatch(/^seed books, run load-[0-9a-f]+: clean$/m);
  expect(await readFile(chart, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  // Whoever it was that operated the ledger for it does so no more.
  const { stdout: clients } = await runVerb(['clients', 'list'], { ...stores.environment, LEDGER_DATA_DIR: ledger.dataDir });
  expect(clients).toMatch(/^load-\S+ +operator +created \S+ +revoked \S+$/m);
});

test('another seed: every operation was there, doomed commands were refused as they should be, and its metrics say so', async () => {
  const child = spawn(process.execPath, [LOAD_PROGRAM, '--url', ledger.apiUrl, ...SHORT, '--json', '--metrics-port', '0'], {
    env: { ...ledgerEnvironment({}), LEDGER_TOKEN: ledger.operatorToken },
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const printed = child.stdout.toArray();
  let [metrics, metricsUrl] = ['', ''];
  for await (const line of createInterface(child.stderr)) {
    process.stderr.write(`${line}\n`);
    metricsUrl = /metrics: (\S+)/.exec(line)?.[1] ?? metricsUrl;
    if (metricsUrl !== '')
      metrics = await fetch(metricsUrl).then(
        (answer) => answer.text(),
        () => metrics,
      );
  }
  const [code] = await closed;
  const { operations, aside, durable, visible, errors, examples, reconciliation, seed } = Report.parse(
    JSON.parse((await printed).join('')),
  );
  expect({ code, errors, examples, differences: reconciliation.differences }, `seed ${seed}`).toEqual({
    code: 0,
    errors: 0,
    examples: [],
    differences: [],
  });
  expect(operations.map(({ operation }) => operation).length).toBeGreaterThanOrEqual(12);
  expect(operations.reduce((sum, { count }) => sum + count, 0)).toBe(200);
  for (const { operation, count, outcomes, p50Ms, maxMs } of operations) {
    expect(outcomes, operation).toEqual({ ok: count });
    expect(p50Ms, operation).toBeLessThanOrEqual(maxMs);
  }
  expect(Object.keys(operations.find(({ operation }) => operation === 'doomed')?.dooms ?? {}).length).toBeGreaterThan(3);
  expect(aside.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['register', 'log-in', 'warm-up', 'visible']));
  expect(durable.count).toBeGreaterThan(100);
  expect(visible.count).toBeGreaterThan(0);
  expect(metrics).toMatch(/^ledger_load_target_rps 40$/m);
  expect(metrics).toMatch(/^ledger_load_in_flight \d+$/m);
  expect(metrics).toMatch(/^ledger_load_requests_total\{operation="register",outcome="ok"\} \d+$/m);
});

test('a share of the commands over RabbitMQ: the same books', async () => {
  await using broker = await freshVhost();
  await using own = await startStores();
  await using brokered = await spawnLedger({ ...own.environment, AMQP_URL: broker.amqpUrl });
  await createClient(own.database.url, 'guest');
  const { code, stdout, stderr } = await runVerb(['load', ...SHORT, '--json', '--amqp', broker.guestUrl], {
    ...own.environment,
    LEDGER_DATA_DIR: brokered.dataDir,
  });
  const { errors, examples, reconciliation } = Report.parse(JSON.parse(stdout));
  expect({ code, errors, examples, differences: reconciliation.differences }, stderr).toEqual({
    code: 0,
    errors: 0,
    examples: [],
    differences: [],
  });
  const metrics = await (await fetch(`${brokered.apiUrl}/metrics`)).text();
  expect(metrics).toMatch(/^ledger_commands_total\{type="deposit",outcome="applied",transport="amqp"\} \d+$/m);
});

test('answers that are lost are asked for: nothing is booked twice, nothing not at all', async () => {
  let number = 0;
  const losing = ({ method, path }: Passing): Meddling | undefined => {
    if (method !== 'POST' || path.includes('/auth/') || path.includes('dryRun')) return undefined;
    number += 1;
    return number % 10 === 0 ? { isAnswerLost: true } : undefined;
  };
  const tolerated = await loadThrough(losing, '--tolerate', 'outage');
  expect(tolerated).toMatchObject({ code: 0, report: { errors: 0, reconciliation: { differences: [] } } });
  const unknown = tolerated.report.operations.reduce((sum, { outcomes }) => sum + (outcomes['unknown'] ?? 0), 0);
  expect(unknown).toBeGreaterThan(5);

  const strict = await loadThrough(losing);
  expect(strict.code).toBe(1);
  expect(strict.report.errors).toBeGreaterThan(5);
  expect(strict.report.reconciliation.differences).toEqual([]);
});

test('a command that was acknowledged and never written is found, by all three comparisons, and named', async () => {
  const forgetting = withFirst(isOfStep(depositIn(SEED)), ({ path }) => ({
    path: `${path}?dryRun=true`,
    answer: (text) => text.replace('"would_apply"', '"applied"'),
  }));
  const { code, report } = await loadThrough(forgetting, '--seed', SEED);
  expect(code).toBe(1);
  const { differences } = report.reconciliation;
  for (const found of [
    new RegExp(`^log: the command load-[0-9a-f]+:${depositIn(SEED)}\\.0 was answered as applied, and is not there$`),
    /^decisions, account \S+: balance missing/,
    /^projection, account \S+: balance missing/,
    /^log, account \S+: balance missing/,
  ])
    expect(differences).toEqual(expect.arrayContaining([expect.stringMatching(found)]));
});

test('a balance that was changed in Postgres is found', async () => {
  const database = openDatabase(stores.database.url, { maxConnections: 1, applicationName: 'tampering' });
  try {
    const isComparison = ({ path }: Passing): boolean => path === '/v1/commands?dryRun=true';
    const newest = sql`SELECT account_id FROM accounts ORDER BY opened_position DESC LIMIT 1`;
    const tamper = () => sql`UPDATE balances SET available = available + 0.01 WHERE asset = 'EUR' AND account_id = (${newest})`;
    let tampered: Promise<unknown> | undefined;
    // Accounts are compared several at a time: none of them before the balance is changed.
    const tampering = async (request: Passing): Promise<undefined> => {
      if (!isComparison(request)) return;
      tampered ??= tamper().execute(database.db);
      await tampered;
    };
    const { code, report } = await loadThrough(tampering);
    expect(code).toBe(1);
    const { differences } = report.reconciliation;
    expect(differences).toEqual(
      expect.arrayContaining([expect.stringMatching(/^projection, account \S+: balance not in the client's books: EUR /)]),
    );
    // The log was not touched.
    expect(differences.filter((difference) => difference.startsWith('log'))).toEqual([]);
  } finally {
    await database.close();
  }
});

test('an event that the log has lost is found', async () => {
  const Events = z.looseObject({ data: z.array(z.looseObject({ type: z.string() })) });
  const losing = withFirst(
    ({ path }) => path.includes('/events?'),
    () => ({
      answer: (text) => {
        const page = Events.parse(JSON.parse(text));
        // Not the newest event: then there would be no gap.
        const lost = page.data.findIndex(({ type }, at) => at > 0 && type === 'deposited');
        return JSON.stringify({ ...page, data: page.data.filter((_, at) => at !== lost) });
      },
    }),
  );
  const { code, report } = await loadThrough(losing);
  expect(code).toBe(1);
  expect(report.reconciliation.differences).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^log: the command \S+ was answered as applied, and is not there$/),
      expect.stringMatching(/^log, account \S+: revision \d+ stands where \d+ should$/),
    ]),
  );
});

test('an answer that is not the right one is an error, though the books are equal', async () => {
  const lying = withFirst(isOfStep(depositIn(SEED)), () => ({ answer: (text) => text.replace('"commandId":"', '"commandId":"0') }));
  const { code, report } = await loadThrough(lying, '--seed', SEED);
  expect({ code, errors: report.errors, differences: report.reconciliation.differences }).toEqual({ code: 1, errors: 1, differences: [] });
  expect(report.examples).toEqual([expect.stringMatching(/unexpected \(1\): the command's id is said to be 0/)]);
});

test('wrong use is 2, and no ledger 3', async () => {
  const run = (...args: readonly string[]) => runVerb(['load', ...args], {});
  const nowhere = ['--url', 'http://127.0.0.1:1', '--operator-token', 'x'];
  expect(await run('--url', 'http://127.0.0.1:1')).toMatchObject({ code: 2, stderr: expect.stringMatching(/--operator-token/) });
  expect(await run(...nowhere, '--rps', 'many')).toMatchObject({ code: 2, stderr: expect.stringMatching(/--rps/) });
  expect(await run(...nowhere)).toMatchObject({ code: 3, stderr: expect.stringMatching(/no ledger answers at http:\/\/127.0.0.1:1/) });
});
