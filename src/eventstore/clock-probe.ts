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

/** How far the clock here runs ahead of the store's, in ms: something between these. They are as far apart as the append took. */
export interface ClockSkew {
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

/**
 * Local time minus the store's `created` of a probe event. The store stamped it at some moment of the append: by the time here not before
 * the append began, which gives the lower bound, nor after it was answered, which gives the upper one. The time in between is by a clock that
 * cannot be set; so a clock that is set meanwhile is compared as it was before. @throws StoreUnavailable
 */
export async function measureClockSkew(connection: Connection): Promise<ClockSkew> {
  const use = connection.begin(DOING);
  const { client } = connection;
  try {
    if (!bounded.has(connection)) {
      await client.setStreamMetadata(PROBE_STREAM, { maxCount: 1 });
      bounded.add(connection);
    }
    const beforeMs = Date.now();
    const beganMs = performance.now();
    const appended = await client.appendToStream(PROBE_STREAM, jsonEvent({ type: 'clock-probed', data: { version: 1 } }), {
      expectedRevision: ANY,
    });
    const tookMs = performance.now() - beganMs;
    if (appended.position === undefined) throw new Error('the store gave no position');
    // By position, not by stream: another process may have probed since, and its event is younger than ours.
    const { position } = appended;
    const probes = reading(connection, DOING, () => client.readAll({ direction: FORWARDS, fromPosition: position, maxCount: 1 }));
    for await (const { event } of probes) {
      if (event === undefined) continue;
      const atLeastMs = beforeMs - event.created.getTime();
      return { atLeastMs, atMostMs: atLeastMs + tookMs };
    }
    throw new Error('the probe cannot be read back');
  } catch (error) {
    throw error instanceof StoreUnavailable ? error : new StoreUnavailable(DOING, error);
  } finally {
    use.done();
  }
}
