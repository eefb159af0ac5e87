// The log as it is stored, read with the official client and nothing of the ledger's own, so that a bug in how the ledger
// reads cannot hide itself.
import { EventStoreDBClient, FORWARDS, START } from '@eventstore/db-client';
import { z } from 'zod';

export interface LogEvent {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** By the store's clock; events made by hand may do without. */
  readonly createdMs?: number;
}

const object = z.record(z.string(), z.unknown());
/** Not every stream's events have any. */
const optionalObject = object.optional().transform((value) => value ?? {});

/** Runs a task with a client of its own, which is let go of afterwards. */
export async function withClient<T>(url: string, task: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const client = EventStoreDBClient.connectionString(url);
  try {
    return await task(client);
  } finally {
    await client.dispose();
  }
}

/** Every event of every stream whose name begins so, in log order. */
export function readLog(url: string, ...prefixes: readonly string[]): Promise<LogEvent[]> {
  return withClient(url, async (client) => {
    const events: LogEvent[] = [];
    for await (const { event } of client.readAll({ direction: FORWARDS, fromPosition: START })) {
      if (event === undefined || !prefixes.some((prefix) => event.streamId.startsWith(prefix))) continue;
      const { streamId: stream, revision, id, type, created } = event;
      if (event.position === undefined) throw new Error(`${stream}@${revision} has no position`);
      const [data, metadata] = [object.parse(event.data), optionalObject.parse(event.metadata)];
      events.push({ stream, revision, position: event.position.commit, id, type, data, metadata, createdMs: created.getTime() });
    }
    return events;
  });
}

/** The events of one account, first to last. */
export const readAccount = (url: string, accountId: string): Promise<LogEvent[]> => readLog(url, `account-${accountId}`);
