// The broker as the scenarios look at it: from outside, over its management API, and as producers.
import { z } from 'zod';
import type { TestBroker } from '../stack/rabbitmq.ts';
import type { LogEvent } from './log.ts';

const listed = z.array(z.object({ name: z.string(), messages: z.int().default(0) }));
const got = z.array(
  z.object({ payload: z.string(), properties: z.looseObject({ headers: z.record(z.string(), z.unknown()).default({}) }) }),
);

const DEAD = 'ledger.commands.dead';
const isCommandQueue = (name: string): boolean => /^ledger\.commands\.\d+$/.test(name);

/** Messages in the command queues, waiting or in somebody's hands, as the management API counts them: some seconds late. */
export async function waitingCommands(broker: TestBroker): Promise<number> {
  const queues = listed.parse(await broker.administer('GET', 'queues/{vhost}'));
  return queues.filter(({ name }) => isCommandQueue(name)).reduce((sum, { messages }) => sum + messages, 0);
}

export interface DeadLetter {
  readonly payload: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The dead letters as they lie there now; all are put back. */
export async function deadLetters(broker: TestBroker): Promise<readonly DeadLetter[]> {
  const body = { count: 1000, ackmode: 'ack_requeue_true', encoding: 'auto' };
  const letters = got.parse(await broker.administer('POST', `queues/{vhost}/${DEAD}/get`, body));
  return letters.map(({ payload, properties: { headers } }) => ({ payload, headers }));
}

/** The commands of an account that left an event, by key, in the order of the log. */
export const keysOf = (log: readonly LogEvent[], accountId: string): string[] =>
  log.filter(({ stream }) => stream === `account-${accountId}`).map(({ metadata }) => String(metadata['key']));
