// What a publisher does with a channel on which the broker refuses messages, against a real broker that does.
import { expect, test } from 'vitest';
import type { BrokerConnection, ConfirmChannel } from '../../src/rabbitmq/connection.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import type { Publisher } from '../../src/rabbitmq/publisher.ts';
import { makePublisher } from '../../src/rabbitmq/publisher.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { waitUntil } from '../stack/waiting.ts';

/** Of methods of AMQP 0-9-1: class, method. */
const BASIC_ACK = (60 << 16) | 80;
const CHANNEL_CLOSE_OK = (20 << 16) | 41;

interface Frame {
  readonly id?: number;
}
type Accept = (this: unknown, frame: Frame) => unknown;

/** The channel neither hears of a confirmed message nor that it is closed: so it is while a queue has no leader. */
function silence(channel: ConfirmChannel & { accept?: Accept }): ConfirmChannel {
  let { accept } = channel;
  return Object.defineProperty(channel, 'accept', {
    get: (): Accept =>
      function (frame) {
        return frame.id === BASIC_ACK || frame.id === CHANNEL_CLOSE_OK ? undefined : accept?.call(this, frame);
      },
    set: (next: Accept) => {
      accept = next;
    },
  });
}

const send = (publisher: Publisher, queue: string) =>
  publisher.publish({ exchange: '', routingKey: queue, content: Buffer.from('one'), options: { mandatory: true } });

test('a channel on which the broker refuses messages is replaced, also where the broker never closes it', async () => {
  await using broker = await freshVhost();
  await using opened = new AsyncDisposableStack();
  const real = opened.adopt(connectBroker(broker.amqpUrl), (connection) => connection.close());
  const channel = await real.openChannel();
  await channel.assertQueue('free');
  await channel.assertQueue('full', { maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } });
  channel.sendToQueue('full', Buffer.from('fills it'));
  await waitUntil(async () => (await channel.checkQueue('full')).messageCount === 1);

  let channels = 0;
  let lost = 0;
  const connection: BrokerConnection = {
    ...real,
    async openConfirmChannel() {
      const next = await real.openConfirmChannel();
      channels += 1;
      return channels === 1 ? silence(next) : next;
    },
  };
  const onLost = (): void => {
    lost += 1;
  };
  const publisher = opened.adopt(makePublisher(connection, { onLost }), ({ close }) => close());
  await waitUntil(() => publisher.isReady());
  const unconfirmed = send(publisher, 'free');
  expect(await send(publisher, 'full')).toBe('unknown');
  expect(publisher.isReady()).toBe(false);
  expect(lost).toBe(1);
  await waitUntil(() => publisher.isReady());
  expect(await send(publisher, 'free')).toBe('confirmed');
  expect(await unconfirmed).toBe('unknown');
});
