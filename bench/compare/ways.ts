// The ways of a command that are compared: to which stack, and how.
import { createLedgerProducer } from '@ledgerfold/client';
import { openLane } from './http-lane.ts';
import { MOVEMENTS, makeCommandBytes, requestBytes } from './requests.ts';
import type { Stack, StackName } from './stacks.ts';

/** A client: one command under way at a time. */
export interface Client {
  /** Sends the next command, to that account. @throws where it is not applied, or not accepted where that is what is asked for */
  send(accountId: string): Promise<void>;
  close(): void | Promise<void>;
}

export interface Way {
  readonly name: string;
  readonly title: string;
  readonly stack: StackName;
  /** Measured where nothing else is asked for. */
  readonly isUsual: boolean;
  /** What an answer means: the outcome is durable, or the command is taken for good. */
  readonly answers: 'durable' | 'accepted';
  openClients(stack: Stack, count: number): Promise<readonly Client[]>;
}

function overHttp(expected: number, headers: readonly string[] = []): Way['openClients'] {
  return async ({ service }, count) => {
    const sender = { url: service.url, token: await service.token() };
    return Promise.all(
      Array.from({ length: count }, async (): Promise<Client> => {
        const lane = await openLane(sender.url);
        const bytes = makeCommandBytes(sender, headers);
        let n = 0;
        return {
          async send(accountId) {
            const { status, body } = await lane.exchange(bytes.command(accountId, n++));
            if (status !== expected) throw new Error(`a command was answered ${status}: ${body}`);
          },
          close: lane.close,
        };
      }),
    );
  };
}

/** The client package's producer, one for all: a connection is not what a producer has many of. */
const overAmqp: Way['openClients'] = async ({ amqpUrl }, count) => {
  if (amqpUrl === undefined) throw new Error('this ledger has no broker');
  const producer = createLedgerProducer({ amqpUrl });
  return Array.from({ length: count }, (_, index): Client => {
    let n = 0;
    return {
      async send(accountId) {
        const movement = MOVEMENTS[n++ % MOVEMENTS.length];
        if (movement !== undefined) await producer.send({ type: movement.type, accountId, ...movement.body });
      },
      close: () => (index === 0 ? producer.close() : undefined),
    };
  });
};

const CREATED = 201;
const ACCEPTED = 202;

export const WAYS: readonly Way[] = [
  { name: 'plain', title: 'plain Postgres ledger', stack: 'plain', isUsual: true, answers: 'durable', openClients: overHttp(CREATED) },
  { name: 'before', title: 'in process, before', stack: 'before', isUsual: false, answers: 'durable', openClients: overHttp(CREATED) },
  { name: 'in-process', title: 'in process', stack: 'in-process', isUsual: true, answers: 'durable', openClients: overHttp(CREATED) },
  {
    name: 'two-processes',
    title: 'in process, projector apart',
    stack: 'two-processes',
    isUsual: false,
    answers: 'durable',
    openClients: overHttp(CREATED),
  },
  {
    name: 'before-rabbitmq',
    title: 'through RabbitMQ, before',
    stack: 'before-rabbitmq',
    isUsual: false,
    answers: 'durable',
    openClients: overHttp(CREATED),
  },
  { name: 'rabbitmq', title: 'through RabbitMQ', stack: 'rabbitmq', isUsual: true, answers: 'durable', openClients: overHttp(CREATED) },
  {
    name: 'rabbitmq-async',
    title: 'through RabbitMQ, respond-async',
    stack: 'rabbitmq',
    isUsual: true,
    answers: 'accepted',
    openClients: overHttp(ACCEPTED, ['Prefer: respond-async']),
  },
  { name: 'amqp', title: 'AMQP producer', stack: 'rabbitmq', isUsual: false, answers: 'durable', openClients: overAmqp },
];

/** Asks one stack what has become visible. */
export interface Watch {
  /** How many events the projections have; undefined where what is durable is visible. */
  projectedEvents(): Promise<number | undefined>;
  /** Sends a command and asks for the balance that it leaves. @returns when that was seen, in ms from the command on */
  timeToVisibleMs(accountId: string): Promise<number>;
  close(): void;
}

const POSITION = /"position":"([0-9]+)"/;

export async function openWatch({ name, service }: Stack): Promise<Watch> {
  const sender = { url: service.url, token: await service.token() };
  const lane = await openLane(sender.url);
  const bytes = makeCommandBytes(sender);
  const statistics = requestBytes(sender, 'GET', '/v1/statistics');
  let n = 0;
  return {
    async projectedEvents() {
      if (name === 'plain') return undefined;
      const { body } = await lane.exchange(statistics);
      return Number(JSON.parse(body).events);
    },
    async timeToVisibleMs(accountId) {
      const startedAt = performance.now();
      const { body } = await lane.exchange(bytes.command(accountId, n++));
      const position = POSITION.exec(body)?.[1];
      const path = `/v1/accounts/${accountId}/balances/USD${position === undefined ? '' : `?minPosition=${position}`}`;
      // Refused where it waits longer than a query may.
      for (const read = requestBytes(sender, 'GET', path); ; ) if ((await lane.exchange(read)).status === 200) break;
      return performance.now() - startedAt;
    },
    close: lane.close,
  };
}
