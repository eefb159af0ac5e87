// The broker is away: when the ledger starts, later, and while clients wait for their answers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { CommandStatus } from '../../src/api/contract.ts';
import { readEnv } from '../../src/config.ts';
import type { Ledger } from '../../src/main.ts';
import { startLedger } from '../../src/main.ts';
import { startManagedRabbitMq } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { operatorAt, startTokens } from '../stack/tokens.ts';
import { deadLetters, waitingCommands } from './brokers.ts';
import { attempt, openAccount, send } from './clients.ts';
import { eventually } from './eventually.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const stores = opened.use(await startStores());
const node = opened.use(await startManagedRabbitMq());

/** A ledger in this process: one that is not ready is none that a process could be waited for. */
async function start(settings: Readonly<Record<string, string>> = {}): Promise<Ledger & { readonly apiUrl: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ledger-test-'));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  const environment = { ...stores.environment, AMQP_URL: node.amqpUrl, PORT: '0', LEDGER_DATA_DIR: dataDir, ...settings };
  const ledger = await startLedger(readEnv(environment), { log: pino({ level: 'silent' }), onProgress: () => undefined });
  opened.defer(() => ledger.stop());
  const apiUrl = ledger.apiUrl ?? '';
  await startTokens(apiUrl, environment.DATABASE_URL, environment);
  return { ...ledger, apiUrl };
}

const Health = z.object({ checks: z.looseObject({ broker: z.object({ ok: z.boolean(), detail: z.string().optional() }) }) });
async function readiness(apiUrl: string): Promise<{ readonly status: number; readonly ok: boolean; readonly detail: string }> {
  const response = await fetch(`${apiUrl}/health/ready`);
  const { ok, detail = '' } = Health.parse(await response.json()).checks.broker;
  return { status: response.status, ok, detail };
}
const opening = (key: string) => ({ type: 'open-account', accountId: crypto.randomUUID(), key }) as const;
const read = async (apiUrl: string): Promise<number> => (await fetch(`${apiUrl}/v1/assets`, { headers: operatorAt(apiUrl) })).status;

test('the ledger starts without its broker, says so, reads, and takes commands as soon as the broker is there', async () => {
  await node.stop();
  const { apiUrl, stop } = await start();
  expect(await attempt(apiUrl, opening('k'))).toMatchObject({ httpStatus: 503, body: { code: 'broker_unavailable' } });
  expect(await read(apiUrl)).toBe(200);
  expect(await readiness(apiUrl)).toMatchObject({ status: 503, ok: false, detail: expect.stringContaining('ECONNREFUSED') });

  await node.restart();
  await eventually('it is ready', async () => (await readiness(apiUrl)).status === 200);
  await openAccount(apiUrl, { asset: 'USD', amount: '10.00' });

  await node.stop();
  await eventually('it has noticed', async () => !(await readiness(apiUrl)).ok);
  expect(await attempt(apiUrl, opening('k'))).toMatchObject({ httpStatus: 503, body: { code: 'broker_unavailable' } });
  expect(await read(apiUrl)).toBe(200);
  await node.restart();
  await eventually('it is ready again', async () => (await readiness(apiUrl)).status === 200);
  await openAccount(apiUrl, { asset: 'USD', amount: '10.00' });
  await stop();
});

test('another number of queues than the broker has is said, and no command is taken', async () => {
  const { apiUrl, stop } = await start({ LEDGER_COMMAND_QUEUES: '3' });
  await eventually('it has looked', async () => (await readiness(apiUrl)).detail.includes('ledger.commands.03'));
  expect(await attempt(apiUrl, opening('k'))).toMatchObject({ httpStatus: 503, body: { code: 'broker_unavailable' } });
  await stop();
});

test('a client that waits while the ledger is stopped is told where its answer will be', async () => {
  const everything = await start({ LEDGER_ROLES: 'projector,consumer,scheduler' });
  const gateway = await start({ LEDGER_ROLES: 'api' });
  await eventually('it is ready', async () => (await readiness(gateway.apiUrl)).status === 200);
  const accountId = await openAccount(gateway.apiUrl);
  await everything.stop();
  const deposit = send(gateway.apiUrl, { type: 'deposit', accountId, key: 'paid', asset: 'USD', amount: '1.00' });
  await eventually('it waits', async () => (await waitingCommands(node)) === 1);
  await gateway.stop();
  const { httpStatus, body } = await deposit;
  expect({ httpStatus, body }).toEqual({ httpStatus: 202, body: { commandId: body.commandId, accountId, status: 'pending' } });

  const after = await start();
  const outcome = await eventually('it is decided', async () => {
    const answer = CommandStatus.parse(
      await (await fetch(`${after.apiUrl}/v1/commands/${body.commandId}`, { headers: operatorAt(after.apiUrl) })).json(),
    );
    return answer.status === 'applied' && answer;
  });
  expect(outcome.balances).toEqual([{ asset: 'USD', available: '1.00', held: '0.00' }]);
  expect(await deadLetters(node)).toEqual([]);
});
