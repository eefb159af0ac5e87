// Dead letters as tests make them: messages of a guest, as the ledger dead-letters them.
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import type { BrokerConnection } from '../../src/rabbitmq/connection.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import { declareTopology } from '../../src/rabbitmq/topology.ts';
import type { TestBroker } from '../stack/rabbitmq.ts';

/** The topology and a connection of the ledger's own user. */
export async function startTopology({ amqpUrl }: Pick<TestBroker, 'amqpUrl'>): Promise<BrokerConnection> {
  const connection = connectBroker(amqpUrl);
  await declareTopology(connection, { queues: 2 });
  return connection;
}

export interface LostCommand {
  readonly key: string;
  readonly accountId: string;
}

/** Puts so many deposits among the dead letters, one after another. */
export async function loseCommands(amqpUrl: string, count: number): Promise<LostCommand[]> {
  const client = await connect(amqpUrl);
  const channel = await client.createConfirmChannel();
  const lost = Array.from({ length: count }, (_, n) => ({ key: `key-${n}-${randomUUID()}`, accountId: randomUUID() }));
  for (const { key, accountId } of lost) {
    const body = JSON.stringify({ accountId, asset: 'USD', amount: '1.00' });
    channel.publish('ledger.commands.dead', accountId, Buffer.from(body), {
      persistent: true,
      contentType: 'application/json',
      messageId: key,
      type: 'deposit',
      userId: 'ledger',
      headers: { 'x-user-id': 'guest', 'x-reason': 'forbidden', 'x-detail': 'Not allowed.', traceparent: 'kept' },
    });
    await channel.waitForConfirms();
  }
  await client.close();
  return lost;
}
