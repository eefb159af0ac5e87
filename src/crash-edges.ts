// The edges of a process, watched for the one crash point that it is to end at. Only where a crash is asked for: else nothing of this runs,
// and everything is used as it is.
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import type { AskedCrash, CrashPoint } from './crash-points.ts';
import type { EventStore } from './eventstore/client.ts';
import type { Database } from './postgres/pool.ts';
import type { Broker } from './rabbitmq/broker.ts';
import type { BrokerConnection, Channel, ConfirmChannel } from './rabbitmq/connection.ts';
import { DEAD_QUEUE, EXCHANGES } from './rabbitmq/topology.ts';

/** What a process reaches others by. */
export interface Edges {
  store(store: EventStore): EventStore;
  /** From here on every connection that is opened is watched. */
  database(database: Pick<Database, 'pool'>): void;
  broker(broker: Broker): Broker;
}

/** Without a crash to wait for. */
const UNWATCHED: Edges = { store: (store) => store, database: () => {}, broker: (broker) => broker };

type Reached = (point: CrashPoint) => void;
const STDERR = 2;

/** Ends this process as a power cut would, when the point is reached for that time; undefined: never. */
export function watchEdges(asked: AskedCrash | undefined): Edges {
  if (asked === undefined) return UNWATCHED;
  let times = 0;
  const reached: Reached = (point) => {
    if (point !== asked.point) return;
    times += 1;
    if (times !== asked.nth) return;
    writeSync(STDERR, `crash point: ${point}\n`);
    process.kill(process.pid, 'SIGKILL');
  };
  watchRequests(reached);
  const connection = (broker: BrokerConnection): BrokerConnection => watchedConnection(broker, asked.point, reached);
  return {
    store: (store) => watchedStore(store, reached),
    database: ({ pool }) => void pool.on('connect', (client) => watchStatements(client, reached)),
    broker: (broker) => ({
      ...broker,
      consuming: connection(broker.consuming),
      publishing: connection(broker.publishing),
      answering: connection(broker.answering),
    }),
  };
}

const CHANGING: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE', 'PATCH']);

/** Node tells of every request and response of its HTTP servers. What changes nothing (GET), such as being asked for readiness, does not count. */
function watchRequests(reached: Reached): void {
  const whenChanging = (point: CrashPoint) => (message: unknown) => {
    const { request } = message as { readonly request: { readonly method?: string } };
    if (CHANGING.has(request.method ?? '')) reached(point);
  };
  subscribe('http.server.request.start', whenChanging('request received'));
  subscribe('http.server.response.finish', whenChanging('response written'));
}

function watchedStore(store: EventStore, reached: Reached): EventStore {
  const { append } = store.streams;
  const watched: EventStore['streams']['append'] = async (...given) => {
    reached('append to be sent');
    const outcome = await append(...given);
    if (outcome.kind === 'appended') reached('append answered');
    return outcome;
  };
  return { ...store, streams: { ...store.streams, append: watched } };
}

/** A statement that something becomes known by, told by how it begins or what is in it. */
interface Telling {
  readonly statement: RegExp;
  readonly before?: CrashPoint;
  /** Reached where it changed or found something. */
  readonly after?: CrashPoint;
  /** Around the end of the transaction that it is in. */
  readonly commit?: readonly [before: CrashPoint, after: CrashPoint];
}
const STATEMENTS: readonly Telling[] = [
  { statement: /FROM checkpoint FOR UPDATE/, before: 'batch to be projected', commit: ['batch to be committed', 'batch committed'] },
  { statement: /^\s*WITH moved AS/, before: 'rows written' },
  { statement: /^insert into "leases"/, after: 'lease taken' },
  { statement: /^update "leases" set "lease_until"/, after: 'lease renewed' },
  // The projector's: its other updates begin otherwise.
  { statement: /^update "checkpoint" set "owner" = \$1, "lease_until" = clock_timestamp/, after: 'lease taken' },
  { statement: /^update "checkpoint" set "lease_until"/, after: 'lease renewed' },
  { statement: /^update "leases" set "position"/, before: 'place to be saved', after: 'place saved' },
  { statement: /^(?:insert into|update) "receipts"/, before: 'receipt to be written', after: 'receipt written' },
  { statement: /^insert into "chain_checkpoints"/, before: 'chain checkpoint to be kept', after: 'chain checkpoint kept' },
  { statement: /^update "rebuild" set/, commit: ['shadow batch to be committed', 'shadow batch committed'] },
  { statement: /^\s*LOCK TABLE checkpoint IN/, commit: ['swap to be committed', 'swap committed'] },
  { statement: /^\s*DROP TABLE IF EXISTS "[^"]*_replaced"/, after: 'replaced table dropped' },
];

/** A connection to Postgres, before it is used. */
interface Client {
  readonly query: unknown;
}

function watchStatements(client: Client, reached: Reached): void {
  const { query } = client;
  if (typeof query !== 'function') throw new TypeError('a connection that cannot query');
  let commit: Telling['commit'];
  const watched = async (text: string, args: readonly unknown[]): Promise<unknown> => {
    const telling = STATEMENTS.find(({ statement }) => statement.test(text));
    if (telling?.commit) commit = telling.commit;
    if (telling?.before) reached(telling.before);
    const ending = text === 'commit' || text === 'rollback' ? commit : undefined;
    if (ending) commit = undefined;
    if (ending && text === 'commit') reached(ending[0]);
    const result: unknown = await Reflect.apply(query, client, args);
    if (telling?.after && rowCountOf(result) !== 0) reached(telling.after);
    if (ending && text === 'commit') reached(ending[1]);
    return result;
  };
  Object.defineProperty(client, 'query', {
    value: (...args: readonly unknown[]): unknown => {
      const [text] = args;
      const isPromised = !args.some((arg) => typeof arg === 'function');
      return typeof text === 'string' && isPromised ? watched(text, args) : Reflect.apply(query, client, args);
    },
  });
}

const rowCountOf = (result: unknown): unknown =>
  typeof result === 'object' && result !== null && 'rowCount' in result ? result.rowCount : undefined;

/** What is published where. Replies go to the default exchange. */
const PUBLISHED: Readonly<Record<string, readonly [before: CrashPoint, after: CrashPoint]>> = {
  [EXCHANGES.commands]: ['command to be published', 'command confirmed'],
  [EXCHANGES.dead]: ['dead letter to be published', 'dead letter confirmed'],
  [EXCHANGES.events]: ['event to be published', 'event confirmed'],
  '': ['reply to be published', 'reply confirmed'],
};

function watchedConnection(connection: BrokerConnection, asked: CrashPoint, reached: Reached): BrokerConnection {
  return {
    ...connection,
    async openChannel() {
      const channel = await connection.openChannel();
      watchDeliveries(channel, asked, reached);
      return channel;
    },
    async openConfirmChannel() {
      const channel = await connection.openConfirmChannel();
      watchPublishing(channel, reached);
      return channel;
    },
  };
}

function watchPublishing(channel: ConfirmChannel, reached: Reached): void {
  const publish = channel.publish.bind(channel);
  channel.publish = (exchange, routingKey, content, options, confirmed) => {
    const [before, after] = PUBLISHED[exchange] ?? [];
    if (before) reached(before);
    return publish(exchange, routingKey, content, options, (error, ok) => {
      if (error === null && after) reached(after);
      confirmed?.(error, ok);
    });
  };
}

function watchDeliveries(channel: Channel, asked: CrashPoint, reached: Reached): void {
  const [consume, ack] = [channel.consume.bind(channel), channel.ack.bind(channel)];
  channel.consume = (queue, take, options) =>
    consume(
      queue,
      (message) => {
        if (message !== null && queue !== DEAD_QUEUE) reached('delivery taken');
        take(message);
      },
      options,
    );
  channel.ack = (message, allUpTo) => {
    reached('delivery to be acknowledged');
    // It goes out at once with the reply: so that it is not there when the reply is, it is kept back.
    if (asked !== 'reply confirmed') ack(message, allUpTo);
  };
}
