// The examples, carried out: the programs as a reader would start them, the shell's commands by a real shell.
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLedgerClient } from '@ledgerfold/client';
import { CloudEvent } from 'cloudevents';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createClient } from './stack/clients.ts';
import { installDebianPackage } from './stack/debian-package.ts';
import type { LedgerProcess } from './stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from './stack/ledger-process.ts';
import type { TestBroker } from './stack/rabbitmq.ts';
import { freshVhost } from './stack/rabbitmq.ts';
import type { TestStores } from './stack/stores.ts';
import { startStores } from './stack/stores.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
/** The account of the shell's example. */
const ACCOUNT = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
/** Every queue is bound to it by its name. */
const DEFAULT_EXCHANGE = '';

let stores: TestStores;
let broker: TestBroker;
let ledger: LedgerProcess;
beforeAll(async () => {
  stores = await startStores();
  broker = await freshVhost();
  ledger = await spawnLedger({ ...stores.environment, AMQP_URL: broker.amqpUrl, LEDGER_SELF_DEPOSIT: 'true' });
  await createClient(stores.environment.DATABASE_URL, 'guest');
});
afterAll(async () => {
  await ledger.close();
  await broker.close();
  await stores.close();
});

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, AMQP_URL: broker.guestUrl });
const client = () => createLedgerClient({ url: ledger.apiUrl, token: ledger.operatorToken });

interface Started {
  readonly output: () => string;
  end(): Promise<void>;
}

/** Starts a program that runs until it is ended, and waits until its queue is bound to that exchange, so that it misses nothing. */
async function start(program: string, args: readonly string[], queue: string, exchange: string): Promise<Started> {
  const child: ChildProcess = spawn(program, args, { cwd: ROOT, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const ended = once(child, 'close');
  const end = async (): Promise<void> => {
    child.kill('SIGINT');
    await ended;
  };
  onTestFinished(end);
  const path = `queues/{vhost}/${encodeURIComponent(queue)}/bindings`;
  const bound = async (): Promise<unknown> => broker.administer('GET', path).catch(() => []);
  await expect.poll(bound).toContainEqual(expect.objectContaining({ source: exchange }));
  return { output: () => output, end };
}

test('the producer pays once, however often it is run, and the consumer prints what happened', async () => {
  const { accountId } = await client().openAccount();
  const consumer = await start(process.execPath, ['examples/event-consumer.ts', 'examples.events'], 'examples.events', 'ledger.events');
  const produce = async (): Promise<readonly string[]> => {
    const { stdout } = await run(process.execPath, ['examples/producer.ts', accountId], { cwd: ROOT, env: environment() });
    return stdout.trim().split('\n');
  };
  const [published, paid, refused] = await produce();
  expect(published).toBe('published three salaries');
  expect(paid).toBe('paid the bonus; after it 7600.00 USD were available');
  expect(refused).toMatch(/^refused: insufficient_funds: .*7600\.00/);

  expect(await produce()).toEqual([published, 'had paid the bonus before; after it 7600.00 USD were available', refused]);

  await expect
    .poll(() => consumer.output().trim().split('\n'))
    .toEqual([
      `${accountId} #1 deposited 2500.00 (salary 2026-01): 2500.00 USD (0.00 held)`,
      `${accountId} #2 deposited 2500.00 (salary 2026-02): 5000.00 USD (0.00 held)`,
      `${accountId} #3 deposited 2500.00 (salary 2026-03): 7500.00 USD (0.00 held)`,
      `${accountId} #4 deposited 100.00 (bonus): 7600.00 USD (0.00 held)`,
      `${accountId} #5 refused withdraw: insufficient_funds`,
    ]);
  await consumer.end();
});

test('the wallet registers its user the first time, logs them in the next, and says why it cannot', async () => {
  const open = (password: string) =>
    run(process.execPath, ['examples/wallet.ts', ledger.apiUrl, 'alice'], {
      cwd: ROOT,
      env: { ...process.env, WALLET_PASSWORD: password },
    });
  const linesOf = ({ stdout }: { readonly stdout: string }): readonly string[] => stdout.trim().split('\n');
  const first = ['-5.00 USD (pay-out)', '20.00 USD (pay-in)'];
  expect(linesOf(await open('correct horse battery staple'))).toEqual([...first, '15.00 USD available']);
  expect(linesOf(await open('correct horse battery staple'))).toEqual([...first, ...first, '30.00 USD available']);
  await expect(open('not the password')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('refused: unauthenticated') });
});

test('the shell sends a deposit, reads its answer, and hears of the event', async () => {
  if (!(await run('which', ['amqp-publish']).catch(() => undefined))) await installDebianPackage('amqp-tools');
  const page = readFileSync(join(ROOT, 'examples/amqp-publish.md'), 'utf8');
  const blocksIn = (language: string): string[] =>
    [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, found, text = '']) => (found === language ? [text] : []));
  const [open = '', hear = '', wait = '', publish = ''] = blocksIn('sh');
  const [answer = '', event = ''] = blocksIn('json');
  const opened = await run('sh', ['-c', open.replace('http://127.0.0.1:3000', ledger.apiUrl)], {
    cwd: ROOT,
    env: ledgerEnvironment({ ...stores.environment, LEDGER_DATA_DIR: ledger.dataDir }),
  });
  expect(JSON.parse(opened.stdout)).toMatchObject({ status: 'applied', accountId: ACCOUNT });
  // With exec, the shell becomes the program, so that ending the one ends the other.
  const heard = await start('sh', ['-c', `exec ${hear}`], 'shell.events', 'ledger.events');
  const answers = await start('sh', ['-c', `exec ${wait}`], 'shell.answers', DEFAULT_EXCHANGE);

  await run('sh', ['-c', publish], { cwd: ROOT, env: environment() });

  await expect.poll(answers.output).not.toBe('');
  await expect.poll(heard.output).not.toBe('');
  expect(JSON.parse(answers.output())).toEqual(shown(answer));
  expect(JSON.parse(heard.output())).toMatchObject({ ...(shown(event) as object), data: { amount: '5.00', asset: 'USD', key: 'shell-1' } });
  const parsed = new CloudEvent(JSON.parse(heard.output()));
  expect(parsed.validate()).toBe(true);
  expect(parsed.subject).toBe(ACCOUNT);

  await run('sh', ['-c', publish], { cwd: ROOT, env: environment() });
  await expect.poll(() => answers.output().match(/"commandId"/g)).toHaveLength(2);
  const { available } = await client().getBalance(ACCOUNT, 'USD');
  expect(available).toBe('5.00');
});

/** An example of JSON in which `…` stands for any text. */
const shown = (text: string): unknown => JSON.parse(text, (_, value: unknown) => (value === '…' ? expect.stringMatching(/./) : value));
