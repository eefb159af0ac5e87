// How far this process' clock runs ahead of the event store's. One bad clock would push the ledger's time ahead for good
// (an event never occurs before the one it follows), so a process that runs ahead must not write.
import { ANY, FORWARDS, jsonEvent } from '@eventstore/db-client';
import type { Connection } from './connection.ts';
import { StoreUnavailable } from './errors.ts';
import { reading } from './reading.ts';

const PROBE_STREAM = 'ledger-clock-probe';
const DOING = 'comparing clocks';

/** Connections whose store keeps only the newest probe. */
const bounded = new WeakSet<Connection>();

/**
 * Local time minus the store's `created` of a probe event, in ms. Local time is taken before the append, so the truth is at
 * most this; a slow append only makes it smaller. @throws StoreUnavailable
 */
export async function measureClockSkewMs(connection: Connection): Promise<number> {
  const use = connection.begin(DOING);
  const { client } = connection;
  try {
    if (!bounded.has(connection)) {
      await client.setStreamMetadata(PROBE_STREAM, { maxCount: 1 });
      bounded.add(connection);
    }
    const beforeMs = Date.now();
    const appended = await client.appendToStream(PROBE_STREAM, jsonEvent({ type: 'clock-probed', data: { version: 1 } }), {
      expectedRevision: ANY,
    });
    if (appended.position === undefined) throw new Error('the store gave no position');
    // By position, not by stream: another process may have probed since, and its event is younger than ours.
    const { position } = appended;
    const probes = reading(connection, DOING, () => client.readAll({ direction: FORWARDS, fromPosition: position, maxCount: 1 }));
    for await (const { event } of probes) if (event !== undefined) return beforeMs - event.created.getTime();
    throw new Error('the probe cannot be read back');
  } catch (error) {
    throw error instanceof StoreUnavailable ? error : new StoreUnavailable(DOING, error);
  } finally {
    use.done();
  }
}
