import type { EventStoreDBClient, ReadPosition } from '@eventstore/db-client';
import { type Measurement, measure, measureOnce } from './measure.ts';

const pageSize = 1_000;

/** `$all` forwards in pages, from the start again at the end; a call is a page, the rate counts events. */
export function pagesOfAll(client: EventStoreDBClient, times: { warmUpMs: number; durationMs: number }): Promise<Measurement> {
  let from: ReadPosition = 'start';
  return measure({
    name: `read $all, ${pageSize} events a call`,
    unit: 'events',
    inFlight: 1,
    ...times,
    call: async () => {
      let count = 0;
      for await (const { event } of client.readAll({ fromPosition: from, maxCount: pageSize })) {
        if (event !== undefined) from = event.position;
        count++;
      }
      if (count < pageSize) from = 'start';
      return count;
    },
  });
}

/** `$all` forwards in one call. */
export function streamOfAll(client: EventStoreDBClient, maxCount: number): Promise<Measurement> {
  return measureOnce('read $all, one call', async () => {
    let count = 0;
    for await (const _ of client.readAll({ maxCount })) count++;
    return count;
  });
}

/** A subscription to `$all` from the start until it is caught up, or has brought this many events. */
export function catchUp(client: EventStoreDBClient, maxCount: number): Promise<Measurement> {
  return measureOnce('catch-up subscription to $all', async () => {
    const subscription = client.subscribeToAll({ fromPosition: 'start' });
    let count = 0;
    await new Promise<void>((resolve, reject) => {
      subscription.on('caughtUp', resolve);
      subscription.on('error', reject);
      subscription.on('data', () => {
        count++;
        if (count === maxCount) resolve();
      });
    });
    const seen = count;
    await subscription.unsubscribe();
    return seen;
  });
}
