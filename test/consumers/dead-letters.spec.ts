import type { ConsumeMessage as Message } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeadLetters } from '../../src/consumers/dead-letters.ts';
import { makeDeadLetters, NotRedriven } from '../../src/consumers/dead-letters.ts';
import type { BrokerConnection } from '../../src/rabbitmq/connection.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import { commandQueues, EXCHANGES } from '../../src/rabbitmq/topology.ts';
import { freshVhost, type TestBroker } from '../stack/rabbitmq.ts';
import { waitFor } from '../stack/waiting.ts';
import { loseCommands, startTopology } from './lost-commands.ts';

let broker: TestBroker;
let connection: BrokerConnection;
let letters: DeadLetters;
beforeEach(async () => {
  broker = await freshVhost();
  connection = await startTopology(broker);
  letters = makeDeadLetters(connection);
});
afterEach(async () => {
  await connection.close();
  await broker.close();
});

/** The next messages in the command queues, taken out. */
async function commands(count: number): Promise<Message[]> {
  const channel = await connection.openChannel();
  const taken: Message[] = [];
  for (const queue of commandQueues(2)) {
    await channel.consume(queue, (message) => {
      if (message === null) return;
      taken.push(message);
      channel.ack(message);
    });
  }
  await waitFor(() => expect(taken).toHaveLength(count));
  await channel.close();
  return taken;
}
const keys = async (): Promise<(string | undefined)[]> => (await letters.list(1000)).map(({ key }) => key);

describe('looking at dead letters', () => {
  it('tells why they are there, oldest first, and leaves them as they are', async () => {
    const lost = await loseCommands(broker.amqpUrl, 70);
    const listed = await letters.list(1000);
    expect(listed.map(({ key, accountId }) => ({ key, accountId }))).toEqual(lost);
    expect(listed[0]).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      reason: 'forbidden',
      detail: 'Not allowed.',
      type: 'deposit',
      ...lost[0],
      user: 'guest',
      headers: { 'x-user-id': 'guest', traceparent: 'kept' },
      body: JSON.stringify({ accountId: lost[0]?.accountId, asset: 'USD', amount: '1.00' }),
    });
    expect(new Set(listed.map(({ id }) => id)).size).toBe(70);
    expect(await letters.list(1000)).toEqual(listed);
    expect(await letters.list(3)).toEqual(listed.slice(0, 3));
    expect(await letters.list(1000)).toEqual(listed);
    expect(await letters.count()).toBe(70);
  });

  it('finds none where no ledger has used the broker', async () => {
    await using other = await freshVhost();
    const elsewhere = connectBroker(other.amqpUrl);
    const none = makeDeadLetters(elsewhere);
    expect([await none.count(), await none.list(10), await none.redrive('all'), await none.drop('all')]).toEqual([0, [], [], []]);
    await elsewhere.close();
  });

  it('finds a message that says nothing of itself', async () => {
    const channel = await connection.openConfirmChannel();
    channel.publish(EXCHANGES.dead, 'anywhere', Buffer.from([0xff, 0x00]));
    await channel.waitForConfirms();
    await channel.close();
    expect(await letters.list(10)).toMatchObject([
      { reason: 'unknown', detail: '', type: undefined, key: undefined, user: undefined, accountId: 'anywhere', body: '\uFFFD\0' },
    ]);
  });
});

describe('redriving', () => {
  it('sends those that were chosen as the commands they were, and leaves the others', async () => {
    const lost = await loseCommands(broker.amqpUrl, 5);
    const [, second, , fourth] = await letters.list(10);
    const sent = await letters.redrive(new Set([String(second?.id), String(fourth?.id)]));
    expect(sent).toEqual([second, fourth]);
    expect(await keys()).toEqual([0, 2, 4].map((n) => lost[n]?.key));

    const found = await commands(2);
    expect(found.map(({ properties }) => properties.messageId).toSorted()).toEqual([second?.key, fourth?.key].toSorted());
    for (const { content, fields, properties } of found) {
      expect(properties).toMatchObject({ type: 'deposit', contentType: 'application/json', deliveryMode: 2, userId: 'ledger' });
      expect(properties.headers).toEqual({ 'x-user-id': 'guest', traceparent: 'kept' });
      expect(JSON.parse(String(content))).toMatchObject({ accountId: fields.routingKey, amount: '1.00' });
    }
  });

  it('of all ends, though each comes back at once', async () => {
    const lost = await loseCommands(broker.amqpUrl, 30);
    const channel = await connection.openChannel();
    // A ledger to which nothing is a command.
    for (const queue of commandQueues(2)) {
      await channel.consume(queue, (message) => {
        if (message === null) return;
        channel.publish(EXCHANGES.dead, message.fields.routingKey, message.content, {
          ...message.properties,
          headers: { 'x-reason': 'again' },
        });
        channel.ack(message);
      });
    }
    const sent = await letters.redrive('all');
    expect(sent.map(({ key }) => key)).toEqual(lost.map(({ key }) => key));
    await waitFor(async () => expect((await letters.list(1000)).map(({ reason }) => reason)).toEqual(lost.map(() => 'again')));
    await channel.close();
  });

  it('keeps a message that no queue takes, and says so', async () => {
    const lost = await loseCommands(broker.amqpUrl, 2);
    await broker.administer('DELETE', `exchanges/{vhost}/${EXCHANGES.shard}`);
    await expect(letters.redrive('all')).rejects.toThrow(NotRedriven);
    await expect(letters.redrive('all')).rejects.toThrow('unroutable');
    expect(await keys()).toEqual(lost.map(({ key }) => key));
  });
});

describe('dropping', () => {
  it('deletes those that were chosen, and no others', async () => {
    const lost = await loseCommands(broker.amqpUrl, 4);
    const [first, second] = await letters.list(2);
    expect(await letters.drop(new Set([String(second?.id)]))).toEqual([second]);
    expect(await keys()).toEqual([0, 2, 3].map((n) => lost[n]?.key));
    expect(await letters.drop(new Set(['0'.repeat(16)]))).toEqual([]);
    expect((await letters.drop('all')).map(({ id }) => id)).toContain(first?.id);
    expect(await keys()).toEqual([]);
  });
});
