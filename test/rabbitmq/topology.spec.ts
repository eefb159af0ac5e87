import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { BrokerConnection } from '../../src/rabbitmq/connection.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import { makePublisher } from '../../src/rabbitmq/publisher.ts';
import { commandQueues, declareTopology, EXCHANGES, TopologyClash } from '../../src/rabbitmq/topology.ts';
import type { TestBroker } from '../stack/rabbitmq.ts';
import { freshVhost, startRabbitMq } from '../stack/rabbitmq.ts';

const Bindings = z.array(z.object({ source: z.string(), destination: z.string(), routing_key: z.string() }));

describe('the topology', () => {
  let broker: TestBroker;
  let connection: BrokerConnection;
  beforeAll(async () => {
    broker = await freshVhost();
    connection = connectBroker(broker.amqpUrl);
  });
  afterAll(async () => {
    await connection.close();
    await broker.close();
  });
  const bindings = async (): Promise<unknown> =>
    Bindings.parse(await broker.administer('GET', 'bindings/{vhost}')).filter(({ source }) => source !== '');

  it('is declared twice without a change', async () => {
    await declareTopology(connection, { queues: 4 });
    const first = await bindings();
    await declareTopology(connection, { queues: 4 });
    expect(await bindings()).toEqual(first);
    expect(first).toHaveLength(4 + 2);
    expect(first).toEqual(
      expect.arrayContaining(commandQueues(4).map((destination) => expect.objectContaining({ destination, routing_key: '1' }))),
    );
  });

  it('says so when another number of queues is asked for', async () => {
    await expect(declareTopology(connection, { queues: 3 })).rejects.toThrow(/ledger\.commands\.03, so there are more than 3/);
    await expect(declareTopology(connection, { queues: 8 })).rejects.toThrow(/no queue ledger\.commands\.07, so there are fewer than 8/);
    await declareTopology(connection, { queues: 4 });
  });

  it('names what differs from what the broker has', async () => {
    await using other = await freshVhost();
    const elsewhere = connectBroker(other.amqpUrl);
    const channel = await elsewhere.openChannel();
    await channel.assertQueue('ledger.commands.01', { durable: true });
    const clash = await declareTopology(elsewhere, { queues: 2 }).catch((error: unknown) => error);
    expect(clash).toBeInstanceOf(TopologyClash);
    expect(String(clash)).toMatch(/ledger\.commands\.01/);
    expect(String(clash)).toMatch(/inequivalent arg 'x-dead-letter-exchange'.*current is none/);
    await elsewhere.close();
  });

  it('returns what no queue takes', async () => {
    await using other = await freshVhost();
    const elsewhere = connectBroker(other.amqpUrl);
    await declareTopology(elsewhere, { queues: 2 });
    const publisher = makePublisher(elsewhere);
    const publish = () =>
      publisher.publish({
        exchange: EXCHANGES.commands,
        routingKey: randomUUID(),
        content: Buffer.from('{}'),
        options: { mandatory: true, persistent: true },
      });
    await expect.poll(publish).toBe('confirmed');
    const channel = await elsewhere.openChannel();
    await channel.unbindExchange(EXCHANGES.shard, EXCHANGES.commands, '#');
    expect(await publish()).toBe('unroutable');
    await publisher.close();
    expect(await publish()).toBe('not_sent');
    await elsewhere.close();
  });
});

describe('the ring', () => {
  it('gives a thousand ids the same queues after the broker was restarted', async () => {
    await using node = await startRabbitMq();
    const QUEUES = 8;
    const ids = Array.from({ length: 1000 }, () => randomUUID());
    const queuesOf = async (): Promise<Map<string, string>> => {
      const connection = connectBroker(node.amqpUrl);
      await declareTopology(connection, { queues: QUEUES });
      const publisher = makePublisher(connection);
      const publish = (id: string) =>
        publisher.publish({
          exchange: EXCHANGES.commands,
          routingKey: id,
          content: Buffer.from(id),
          options: { mandatory: true, persistent: true },
        });
      await expect.poll(() => publish(ids[0] ?? '')).toBe('confirmed');
      expect(new Set(await Promise.all(ids.map(publish)))).toEqual(new Set(['confirmed']));
      const found = new Map<string, string>();
      const channel = await connection.openChannel();
      for (const queue of commandQueues(QUEUES)) {
        await channel.consume(queue, (message) => {
          if (message === null) return;
          found.set(message.content.toString(), queue);
          channel.ack(message);
        });
      }
      await expect.poll(() => ids.every((id) => found.has(id))).toBe(true);
      await connection.close();
      return found;
    };
    const before = await queuesOf();
    expect(new Set(before.values()).size).toBe(QUEUES);
    await node.restart();
    expect(await queuesOf()).toEqual(before);
    await node.kill();
    await node.restart();
    expect(await queuesOf()).toEqual(before);
  });
});
