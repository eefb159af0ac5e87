// The event consumer: integration events from a queue of one's own, one after another, at least once.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import type { z } from 'zod';
import type { IntegrationEvent, IntegrationEventType } from '../../../src/consumers/integration-events.ts';
import type { EVENTS } from '../../../src/domain/events.ts';
import type { BrokerOptions } from './broker.ts';
import { connectBroker } from './broker.ts';
import type { BalanceAfter } from './contract.ts';

export type LedgerEventType = IntegrationEventType;
interface EventOf<Type extends LedgerEventType> extends Omit<IntegrationEvent, 'type' | 'data'> {
  readonly type: `ledger.account.${Type}.v1`;
  readonly data: Omit<z.output<(typeof EVENTS)[Type]>, 'version' | 'balances'> & {
    readonly revision: string;
    readonly position: string;
    readonly key: string;
    readonly commandId: string;
    readonly correlationId: string;
    readonly effectiveAt?: string;
    /** Every asset that the event touched, after it. */
    readonly balances: readonly BalanceAfter[];
  };
}
/** A CloudEvent of the ledger; `id` is the same whenever it is delivered. */
export type LedgerEvent = { [Type in LedgerEventType]: EventOf<Type> }[LedgerEventType];

export interface LedgerEventsOptions extends BrokerOptions {
  /** The queue, made where it is missing; consumers that name the same one share its events, one of them at a time. */
  readonly queue: string;
  /** Only these; every one where none are named. What a queue was once bound to, it stays bound to. */
  readonly types?: readonly LedgerEventType[];
  /**
   * Called with one event after another. An event is done with when this resolves; where it rejects, the same event is
   * tried again, and the others wait. The same event may come twice: remember the ids, or do what is harmless twice.
   */
  readonly onEvent: (event: LedgerEvent) => Promise<void> | void;
}
export interface LedgerEventConsumer {
  /** Takes no more events, waits for the one in hand, and disconnects. */
  close(): Promise<void>;
}

const EXCHANGE = 'ledger.events';
const PREFETCH = 64;
const QUEUE_ARGUMENTS = {
  'x-queue-type': 'quorum',
  // Several consumers would take the events of one account out of their order.
  'x-single-active-consumer': true,
  // Every restart of a consumer counts as a delivery; no number of them may lose an event.
  'x-delivery-limit': 1_000_000,
} as const;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

/**
 * Consumes the ledger's integration events.
 *
 * @example
 * ```ts
 * const events = consumeLedgerEvents({
 *   amqpUrl,
 *   queue: 'shop.deposits',
 *   types: ['deposited'],
 *   onEvent: ({ subject, data }) => console.log(subject, data.balances),
 * });
 * ```
 */
export function consumeLedgerEvents({ queue, types, onEvent, ...options }: LedgerEventsOptions): LedgerEventConsumer {
  const closing = new AbortController();
  const { signal } = closing;
  let handled: Promise<void> = Promise.resolve();

  const broker = connectBroker(options, async (channel) => {
    let isOpen = true;
    channel.once('close', () => {
      isOpen = false;
    });
    // Declaring it is the ledger's: who only listens needs no right to. Where no ledger has been yet, this is tried until one has.
    await channel.checkExchange(EXCHANGE);
    await channel.assertQueue(queue, { durable: true, arguments: QUEUE_ARGUMENTS });
    for (const type of types ?? ['#']) await channel.bindQueue(queue, EXCHANGE, `account.${type}`);
    await channel.prefetch(PREFETCH);
    await channel.consume(queue, (message) => {
      if (message !== null) handled = handled.then(() => handle(channel, message, () => isOpen));
    });
  });

  /** What is still waiting when the channel is lost comes again over the next. */
  async function handle(channel: ConfirmChannel, message: ConsumeMessage, isOpen: () => boolean): Promise<void> {
    for (let delayMs = FIRST_RETRY_MS; isOpen() && !signal.aborted; delayMs = Math.min(2 * delayMs, LAST_RETRY_MS)) {
      try {
        const event: LedgerEvent = JSON.parse(message.content.toString('utf8'));
        await onEvent(event);
        if (isOpen()) channel.ack(message);
        return;
      } catch (error) {
        options.onTrouble?.(error instanceof Error ? error : new Error(String(error)));
        await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  return {
    async close() {
      closing.abort();
      await handled;
      await broker.close();
    },
  };
}
