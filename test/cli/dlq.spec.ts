import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeDeadLetters } from '../../src/consumers/dead-letters.ts';
import type { BrokerConnection } from '../../src/rabbitmq/connection.ts';
import { loseCommands, startTopology } from '../consumers/lost-commands.ts';
import { freshVhost, type TestBroker } from '../stack/rabbitmq.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { processesNaming } from './processes-naming.ts';
import { runVerb } from './run-verb.ts';

let dataDir: string;
let broker: TestBroker;
let connection: BrokerConnection;
beforeEach(async () => {
  dataDir = await scratchFolder();
  broker = await freshVhost();
  connection = await startTopology(broker);
});
afterEach(async () => {
  await connection.close();
  await broker.close();
  await rm(dataDir, { recursive: true, force: true });
});

const dlq = (...args: string[]) => runVerb(['dlq', ...args], { LEDGER_DATA_DIR: dataDir, AMQP_URL: broker.amqpUrl });
const listing = z.object({ count: z.number(), deadLetters: z.array(z.object({ id: z.string(), key: z.string() })) });
const listed = async () => listing.parse(JSON.parse((await dlq('list', '--json')).stdout));

describe('ledger dlq', () => {
  it('lists dead letters, a line each, and shows one', async () => {
    const [first] = await loseCommands(broker.amqpUrl, 3);
    const { code, stdout, stderr } = await dlq('list', '--limit', '2');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '1 more\n' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(new RegExp(`^[0-9a-f]{16}  forbidden  deposit  ${first?.accountId}  ${first?.key}  Not allowed\\.$`));

    const [id = ''] = stdout.split(' ');
    const shown = await dlq('show', id);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('"amount":"1.00"');
    expect(shown.stdout).toMatch(/^user {7}guest$/m);
    expect(JSON.parse((await dlq('show', id, '--json')).stdout)).toMatchObject({ id, ...first, reason: 'forbidden' });
    expect((await listed()).count).toBe(3);
  });

  it('sends one again and deletes the others', async () => {
    await loseCommands(broker.amqpUrl, 3);
    const ids = (await listed()).deadLetters.map(({ id }) => id);
    const redriven = await dlq('redrive', String(ids[1]), '--json');
    expect(redriven).toMatchObject({ code: 0, stderr: '1 redriven\n' });
    expect(JSON.parse(redriven.stdout)).toEqual({ redriven: [ids[1]] });
    expect((await listed()).deadLetters.map(({ id }) => id)).toEqual([ids[0], ids[2]]);

    const dropped = await dlq('drop', '--all', '--yes', '--json');
    expect(JSON.parse(dropped.stdout)).toEqual({ dropped: [ids[0], ids[2]] });
    expect(await dlq('list')).toEqual({ code: 0, stdout: '', stderr: 'There are no dead letters.\n' });
  });

  it.each([
    { args: ['drop', '--all'], why: 'say --yes' },
    { args: ['drop', '--yes'], why: 'their ids, or --all' },
    { args: ['redrive'], why: 'their ids, or --all' },
    { args: ['redrive', 'beef', '--all'], why: 'their ids, or --all' },
    { args: ['redrive', 'beef'], why: 'there is no dead letter beef' },
    { args: ['show', 'beef'], why: 'there is no dead letter beef' },
    { args: ['list', '--limit', '0'], why: 'whole number' },
    { args: ['list', '--everything'], why: 'unknown option' },
  ])('does nothing and ends with 2 for $args', async ({ args, why }) => {
    await loseCommands(broker.amqpUrl, 1);
    const { code, stdout, stderr } = await dlq(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(await makeDeadLetters(connection).count()).toBe(1);
  });

  it('ends with 3 where the broker is out of reach, or does not know the user', async () => {
    const verb = (AMQP_URL: string) => runVerb(['dlq', 'list'], { LEDGER_DATA_DIR: dataDir, AMQP_URL });
    expect(await verb('amqp://127.0.0.1:1')).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('ECONNREFUSED') });
    const stranger = new URL(broker.amqpUrl);
    stranger.password = 'wrong';
    expect(await verb(stranger.href)).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('ACCESS_REFUSED') });
  });

  it('starts the private node for as long as it takes where no ledger runs, and leaves nothing behind', async () => {
    const { code, stderr } = await runVerb(['dlq', 'list'], { LEDGER_DATA_DIR: dataDir });
    expect(stderr).toMatch(/^starting RabbitMQ on port \d+\nThere are no dead letters\.\n$/);
    expect(code).toBe(0);
    expect(processesNaming(dataDir)).toEqual([]);
  });
});
