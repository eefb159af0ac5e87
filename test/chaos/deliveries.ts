// Messages that come again: what a producer has sent, and the broker has, with the same message id.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import type { PlannedFault } from './fault-kinds.ts';
import type { Recorder } from './history.ts';
import type { ChaosStack } from './stack.ts';

const COPIES = 10;
const CONFIRMED_WITHIN_MS = 3_000;

/** Publishes the last messages once more, so much later. @returns whether the broker has taken a copy */
export async function deliverAgain(
  { broker }: ChaosStack,
  { messages }: Recorder,
  { forMs }: PlannedFault,
  laterMs: number,
): Promise<boolean> {
  if (broker === undefined) return false;
  await sleep(laterMs === 0 ? forMs : 0);
  const copied = messages.slice(-COPIES);
  await sleep(laterMs);
  if (copied.length === 0) return false;
  try {
    const connection = await connect(broker.producerUrl);
    connection.on('error', () => undefined);
    try {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => undefined);
      for (const { accountId, key, type, body } of copied)
        channel.publish('ledger.commands', accountId, Buffer.from(JSON.stringify(body)), {
          persistent: true,
          contentType: 'application/json',
          messageId: key,
          type,
          userId: 'guest',
        });
      return await Promise.race([channel.waitForConfirms().then(() => true), sleep(CONFIRMED_WITHIN_MS, false)]);
    } finally {
      void connection.close().catch(() => undefined);
    }
  } catch {
    return false; // the broker is away
  }
}
