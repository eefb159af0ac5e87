import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandEnvelope } from '../../src/commands/bus.ts';
import { AccountIdSchema } from '../../src/domain/ids.ts';
import { EXCHANGES } from '../../src/rabbitmq/topology.ts';
import { describeBus, refused, senderOf } from '../commands/bus-contract.ts';
import type { CommandStack } from '../commands/command-stack.ts';
import { startCommandStack } from '../commands/command-stack.ts';
import type { TestBroker } from '../stack/rabbitmq.ts';
import { freshVhost, startRabbitMq } from '../stack/rabbitmq.ts';
import { waitUntil } from '../stack/waiting.ts';
import type { BrokerStack } from './broker-stack.ts';
import { startBrokerStack } from './broker-stack.ts';

let commands: CommandStack;
beforeAll(async () => {
  commands = await startCommandStack();
});
afterAll(() => commands.close());

const openingOf = (): CommandEnvelope => ({
  command: { type: 'open-account', accountId: AccountIdSchema.parse(randomUUID()) },
  key: 'open',
  actor: randomUUID(),
  transport: 'rest',
  correlationId: randomUUID(),
  dryRun: false,
});

describe('the bus over RabbitMQ', () => {
  let broker: TestBroker;
  let stack: BrokerStack;
  beforeAll(async () => {
    broker = await freshVhost();
    stack = await startBrokerStack(broker);
    stack.consume(commands.commands.handle);
  });
  afterAll(async () => {
    await stack.close();
    await broker.close();
  });
  describeBus('over RabbitMQ', () => stack.bus);

  it('answers what a producer would find among the dead letters', async () => {
    const { open, usd, send } = senderOf(() => stack.bus);
    expect(await send(usd(await open(), 'deposit', '1.001'), 'k')).toMatchObject(refused('invalid_amount'));
    expect(await stack.deadLetters()).toBe(0);
  });

  it('says nothing was kept where no queue takes the command', async () => {
    await using other = await freshVhost();
    await using elsewhere = await startBrokerStack(other);
    const channel = await elsewhere.connection.openChannel();
    await channel.unbindExchange(EXCHANGES.shard, EXCHANGES.commands, '#');
    expect(await elsewhere.bus.send(openingOf())).toMatchObject(refused('broker_unavailable'));
  });
});

describe('a command that nobody decides yet', () => {
  it('waits in the broker, while its sender does not', async () => {
    await using broker = await freshVhost();
    await using stack = await startBrokerStack(broker, { waitMs: 300 });
    const envelope = openingOf();
    const pending = {
      status: 'pending',
      commandId: expect.any(String),
      accountId: envelope.command.type === 'open-account' && envelope.command.accountId,
    };
    expect(await stack.bus.submit(envelope, { waitMs: 0 })).toEqual(pending);
    expect(await stack.bus.submit(envelope, { waitMs: 200 })).toEqual(pending);
    expect(await stack.bus.send(envelope)).toMatchObject(refused('outcome_unknown'));
    stack.consume(commands.commands.handle);
    await expect.poll(() => stack.bus.send(envelope)).toMatchObject({ status: 'applied', hit: true, revision: 0n });
    expect(await stack.deadLetters()).toBe(0);
  });
});

describe('without its broker', () => {
  it('the bus says so at once, and goes on by itself when the broker is back', async () => {
    await using node = await startRabbitMq();
    await using stack = await startBrokerStack(node);
    // RabbitMQ 3.10 writes down the names of new quorum queues some seconds later; a kill before that leaves one without a leader.
    await node.restart();
    await waitUntil(() => stack.bus.isAvailable());
    stack.consume(commands.commands.handle);
    const before = openingOf();
    expect(await stack.bus.send(before)).toMatchObject({ status: 'applied', hit: false });
    await node.kill();
    await expect.poll(() => stack.bus.isAvailable()).toBe(false);
    const refusedOne = openingOf();
    expect(await stack.bus.send(refusedOne)).toMatchObject(refused('broker_unavailable'));
    await node.restart();
    await expect.poll(() => stack.bus.isAvailable()).toBe(true);
    // The connection is back before every queue has its leader again; until then the answer is "later".
    await expect.poll(() => stack.bus.send(before)).toMatchObject({ status: 'applied', hit: true });
    await expect.poll(() => stack.bus.send(refusedOne)).toMatchObject({ status: 'applied', revision: 0n });
  });
});
