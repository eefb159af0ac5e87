import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { onTestFinished } from 'vitest';

/**
 * The official client, disposed of after the test. One at a time: it keeps the pending appends of all its instances in one
 * map, and loses them all with any of them.
 */
export function connect(url: string): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(url);
  onTestFinished(() => client.dispose());
  return client;
}

export function event(data: Record<string, unknown> = {}, id?: string) {
  return jsonEvent({ type: 'tested', data, ...(id === undefined ? {} : { id }) });
}

/** All events of `$all` in streams whose name begins so. */
export async function readEverything(client: EventStoreDBClient, prefix = '') {
  const events = [];
  for await (const { event } of client.readAll()) if (event?.streamId.startsWith(prefix) === true) events.push(event);
  return events;
}
