// Dead letters, for whoever looks after them: reading them without losing any, sending them again, letting go of them.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import canonicalize from 'canonicalize';
import type { BrokerConnection } from '../rabbitmq/connection.ts';
import { DETAIL_HEADER, firstUserOf, REASON_HEADER, redriven } from '../rabbitmq/dead-letters.ts';
import { textOf } from '../rabbitmq/messages.ts';
import type { OutgoingMessage, Publisher, PublishOutcome } from '../rabbitmq/publisher.ts';
import { makePublisher } from '../rabbitmq/publisher.ts';
import { DEAD_QUEUE } from '../rabbitmq/topology.ts';

export interface DeadLetter {
  /** Made from the message itself: the same as long as it lies there. Messages that are equal to the byte share one. */
  readonly id: string;
  readonly reason: string;
  readonly detail: string;
  /** What the message says it is; nothing of it needs to be true, or there. */
  readonly type: string | undefined;
  readonly key: string | undefined;
  readonly accountId: string;
  /** The broker user who sent it, as the broker checked it. */
  readonly user: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body as text; bytes that are no UTF-8 are shown as U+FFFD. */
  readonly body: string;
}

export interface DeadLetters {
  /** How many there are. */
  count(): Promise<number>;
  /** The oldest ones, oldest first. They stay where they are. Of more than 10,000, only so many are looked at; so in all that follows. */
  list(limit: number): Promise<readonly DeadLetter[]>;
  /**
   * Sends them again as commands, oldest first, each gone from here only once the broker has it there. What is dead-lettered
   * meanwhile is left for the next time. @returns those that were sent
   * @throws NotRedriven at the first one that the broker did not take; those before it were sent.
   */
  redrive(which: Chosen): Promise<readonly DeadLetter[]>;
  /** Deletes them for good. @returns those that were deleted */
  drop(which: Chosen): Promise<readonly DeadLetter[]>;
}

/** By id, or all of them. */
export type Chosen = ReadonlySet<string> | 'all';

/** The broker did not take a message that was to be sent again. It is still among the dead letters. */
export class NotRedriven extends Error {
  override readonly name = 'NotRedriven';
  constructor({ id }: DeadLetter, outcome: PublishOutcome) {
    super(`the dead letter ${id} was not sent again (${outcome.replace('_', ' ')}); it is where it was`);
  }
}

type Message = Parameters<typeof redriven>[0];
type Channel = Awaited<ReturnType<BrokerConnection['openChannel']>>;

const NOT_FOUND = 404;
/** A publisher takes a moment to open its channel. */
const SEND_WITHIN_MS = 10_000;
const GIVEN_BACK_WITHIN_MS = 2_000;
const POLL_MS = 20;
/** Without another message for so long, there is none: somebody else took it. */
const SILENCE_MS = 1_000;
/** As many are looked at in one go; all of them are held in memory meanwhile. */
const MAX_LETTERS = 10_000;

/** The dead letters of the broker; every function rejects where the connection is lost, and what was not done is not done. */
export function makeDeadLetters(connection: BrokerConnection): DeadLetters {
  /**
   * Shows them to `goes`, oldest first. Those that go are acknowledged, all others are given back in their order: the broker puts
   * behind the rest what is given back, so the rest has to be taken as well.
   */
  async function visit(goes: (letter: DeadLetter, message: Message) => Promise<boolean>): Promise<void> {
    const count = Math.min(MAX_LETTERS, await countOf(connection));
    if (count === 0) return;
    const channel = await connection.openChannel();
    let stay = count;
    try {
      for (const message of await take(channel, count)) {
        if (!(await goes(deadLetterIn(message, connection.user), message))) continue;
        channel.ack(message);
        stay -= 1;
      }
      // The broker does all that it was told on the channel before it agrees.
      await channel.close();
    } catch (error) {
      await channel.close().catch(() => undefined);
      throw error;
    } finally {
      await untilGivenBack(stay).catch(() => undefined);
    }
  }

  /** Giving back takes a moment, and whoever looks next should find them. Somebody else may already be looking, too. */
  async function untilGivenBack(count: number): Promise<void> {
    const untilMs = performance.now() + GIVEN_BACK_WITHIN_MS;
    while ((await countOf(connection)) < count && performance.now() < untilMs) await sleep(POLL_MS);
  }

  return {
    count: () => countOf(connection),
    async list(limit) {
      const letters: DeadLetter[] = [];
      await visit(async (letter) => {
        if (letters.length < limit) letters.push(letter);
        return false;
      });
      return letters;
    },
    async redrive(which) {
      const publisher = makePublisher(connection);
      const sent: DeadLetter[] = [];
      try {
        await visit(async (letter, message) => {
          if (!isChosen(which, letter)) return false;
          const outcome = await send(publisher, redriven(message, connection.user));
          if (outcome !== 'confirmed') throw new NotRedriven(letter, outcome);
          sent.push(letter);
          return true;
        });
      } finally {
        await publisher.close();
      }
      return sent;
    },
    async drop(which) {
      const dropped: DeadLetter[] = [];
      await visit(async (letter) => {
        if (!isChosen(which, letter)) return false;
        dropped.push(letter);
        return true;
      });
      return dropped;
    },
  };
}

const isChosen = (which: Chosen, { id }: DeadLetter): boolean => which === 'all' || which.has(id);

/** None where the queue is not there yet: no ledger has used this broker. */
async function countOf(connection: BrokerConnection): Promise<number> {
  const channel = await connection.openChannel();
  try {
    const { messageCount } = await channel.checkQueue(DEAD_QUEUE);
    await channel.close();
    return messageCount;
  } catch (error) {
    // That has closed the channel, too.
    if (error instanceof Error && 'code' in error && error.code === NOT_FOUND) return 0;
    throw error;
  }
}

/** Takes so many, or as many as there are. One consumer takes them all, because the broker keeps the order of one consumer's messages. */
async function take(channel: Channel, count: number): Promise<readonly Message[]> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const taken: Message[] = [];
  const silence = setTimeout(resolve, SILENCE_MS);
  channel.once('close', () => reject(new Error('the broker closed the channel')));
  await channel.prefetch(count);
  await channel.consume(DEAD_QUEUE, (message) => {
    if (message === null) return resolve();
    taken.push(message);
    silence.refresh();
    if (taken.length >= count) resolve();
  });
  await promise.finally(() => clearTimeout(silence));
  // What arrives from here on is given back unseen.
  return taken.slice(0, count);
}

async function send(publisher: Publisher, message: OutgoingMessage): Promise<PublishOutcome> {
  const untilMs = performance.now() + SEND_WITHIN_MS;
  for (;;) {
    const outcome = await publisher.publish(message);
    if (outcome !== 'not_sent' || performance.now() >= untilMs) return outcome;
    await sleep(POLL_MS);
  }
}

/** What the broker counts the looks at a message in; no part of the message. */
const COUNTERS: ReadonlySet<string> = new Set(['x-delivery-count', 'x-acquired-count']);

const ownHeaders = ({ properties }: Message): Record<string, unknown> =>
  Object.fromEntries(Object.entries(properties.headers ?? {}).filter(([name]) => !COUNTERS.has(name)));

function deadLetterIn(message: Message, ledgerUser: string): DeadLetter {
  const { content, fields, properties } = message;
  const { [REASON_HEADER]: reason, [DETAIL_HEADER]: detail, ...headers } = ownHeaders(message);
  return {
    id: idOf(message),
    // What the broker dead-letters by itself has its own word for why.
    reason: textOf(reason) ?? textOf(headers['x-first-death-reason']) ?? 'unknown',
    detail: textOf(detail) ?? '',
    type: textOf(properties.type),
    key: textOf(properties.messageId),
    accountId: fields.routingKey,
    user: firstUserOf(message, ledgerUser),
    headers,
    body: content.toString('utf8'),
  };
}

/** Short enough to be typed, long enough for as many dead letters as anybody will ever look at. */
const ID_DIGITS = 16;

function idOf(message: Message): string {
  const { content, fields, properties } = message;
  const { routingKey } = fields;
  // The broker gives headers in one order the first time and in another one after that.
  const described = canonicalize({ ...properties, routingKey, headers: ownHeaders(message) }) ?? '';
  return createHash('sha256').update(described).update(content).digest('hex').slice(0, ID_DIGITS);
}
