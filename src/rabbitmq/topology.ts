// What the ledger needs to find in the broker: exchanges, queues, bindings. Declared at every start; declaring it again changes nothing.
import type { BrokerConnection } from './connection.ts';

export const EXCHANGES = {
  /** Where commands are published, with the account's id as the routing key. */
  commands: 'ledger.commands',
  /** Behind it: spreads commands over the queues by a hash of that key. Nobody publishes to it. */
  shard: 'ledger.commands.shard',
  /** Messages that no retry can help, with the reason. */
  dead: 'ledger.commands.dead',
  /** Integration events. */
  events: 'ledger.events',
} as const;
export const DEAD_QUEUE = 'ledger.commands.dead';
/** Holds no messages: every process that consumes commands subscribes to it, so that each can see how many they are. */
export const PRESENCE_QUEUE = 'ledger.commands.consumers';

/** Queues are named with so many digits, whatever their number is, so that their names sort like their numbers. */
const QUEUE_DIGITS = 2;
export const MAX_COMMAND_QUEUES = 10 ** QUEUE_DIGITS;

const commandQueue = (index: number): string => `ledger.commands.${String(index).padStart(QUEUE_DIGITS, '0')}`;
/** The names of the command queues, in the order in which they are bound. */
export const commandQueues = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => commandQueue(index));

/**
 * A delivery counts whenever a consumer goes away with the message un-acked: at every restart, every hand-over. Only the
 * ledger decides that a message is beyond help, so no number of restarts may. RabbitMQ 4 would stop at 20 if nothing were said.
 */
const DELIVERY_LIMIT = 1_000_000;
/** The weight of every queue on the ring. With equal weights and the same order of binding, the ring is the same again. */
const WEIGHT = '1';

const COMMAND_QUEUE_ARGUMENTS = {
  'x-queue-type': 'quorum',
  'x-single-active-consumer': true,
  'x-delivery-limit': DELIVERY_LIMIT,
  'x-dead-letter-exchange': EXCHANGES.dead,
  // At least once asks for reject-publish: a queue that drops its oldest could not keep what is dead-lettered.
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
} as const;
/** Whoever looks at a dead letter gives it back, which counts as a delivery, too. */
const DEAD_QUEUE_ARGUMENTS = { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT } as const;

const PRECONDITION_FAILED = 406;
const NOT_FOUND = 404;
/** A broker without the plugin answers so to its exchange type. */
const COMMAND_INVALID = 503;

/** The broker has something else under a name that the ledger uses; the message says what, and what to do. */
export class TopologyClash extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'TopologyClash';
  }
}

export interface TopologyOptions {
  /** The number of command queues. It changes by a drain only: see docs/messaging.md. */
  readonly queues: number;
}

type Opener = Pick<BrokerConnection, 'openChannel'>;

/**
 * Declares everything, over one channel, in an order that is the same each time.
 * @throws TopologyClash where the broker has something else under one of the names, or another number of queues.
 */
export async function declareTopology(connection: Opener, { queues }: TopologyOptions): Promise<void> {
  if (!Number.isInteger(queues) || queues < 1 || queues > MAX_COMMAND_QUEUES)
    throw new RangeError(`there are 1 to ${MAX_COMMAND_QUEUES} command queues, not ${queues}`);
  await checkQueueCount(connection, queues);
  const channel = await connection.openChannel();
  const durable = true;
  try {
    await channel.assertExchange(EXCHANGES.commands, 'topic', { durable });
    await channel.assertExchange(EXCHANGES.shard, 'x-consistent-hash', { durable, internal: true });
    await channel.assertExchange(EXCHANGES.dead, 'fanout', { durable });
    await channel.assertExchange(EXCHANGES.events, 'topic', { durable });
    await channel.assertQueue(DEAD_QUEUE, { durable, arguments: DEAD_QUEUE_ARGUMENTS });
    await channel.bindQueue(DEAD_QUEUE, EXCHANGES.dead, '');
    await channel.assertQueue(PRESENCE_QUEUE, { durable, arguments: { 'x-queue-type': 'quorum' } });
    // The first queue last: where it is there, all are, so that another number of them is seen (checkQueueCount).
    for (const queue of commandQueues(queues).toReversed()) {
      await channel.assertQueue(queue, { durable, arguments: COMMAND_QUEUE_ARGUMENTS });
    }
    for (const queue of commandQueues(queues)) await channel.bindQueue(queue, EXCHANGES.shard, WEIGHT);
    // Last, so that no command is taken before every queue has its place on the ring.
    await channel.bindExchange(EXCHANGES.shard, EXCHANGES.commands, '#');
    await channel.close();
  } catch (error) {
    throw explained(error);
  }
}

/** Another number of queues would give accounts other queues while their commands still wait in the old ones. */
async function checkQueueCount(connection: Opener, queues: number): Promise<void> {
  const [first, last, next] = [commandQueue(0), commandQueue(queues - 1), commandQueue(queues)];
  if (queues < MAX_COMMAND_QUEUES && (await exists(connection, next))) {
    throw new TopologyClash(`The broker has the queue ${next}, so there are more than ${queues} command queues. ${DRAIN_FIRST}`);
  }
  if ((await exists(connection, first)) && !(await exists(connection, last))) {
    throw new TopologyClash(`The broker has no queue ${last}, so there are fewer than ${queues} command queues. ${DRAIN_FIRST}`);
  }
}

const DRAIN_FIRST = 'Set the number back, or drain the queues first (docs/messaging.md, "Another number of queues").';

async function exists(connection: Opener, queue: string): Promise<boolean> {
  const channel = await connection.openChannel();
  try {
    await channel.checkQueue(queue);
    await channel.close();
    return true;
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return false; // that has closed the channel
    throw explained(error);
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** The broker's own words name what differs: "inequivalent arg 'x-queue-type' for queue … received … but current is …". */
function explained(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (codeOf(error) === PRECONDITION_FAILED) {
    return new TopologyClash(
      `The broker has something else under a name that the ledger uses: ${error.message}. Delete it there, or give the ledger a virtual host of its own.`,
      error,
    );
  }
  if (codeOf(error) === COMMAND_INVALID) {
    return new TopologyClash(
      `The broker does not know an exchange type: ${error.message}. Switch the plugin on: rabbitmq-plugins enable rabbitmq_consistent_hash_exchange.`,
      error,
    );
  }
  return error;
}
