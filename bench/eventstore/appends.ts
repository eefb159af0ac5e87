import { randomUUID } from 'node:crypto';
import { type EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { type Measurement, measure } from './measure.ts';

/** How many streams "many" is. */
const streamCount = 1_000;

/** About 300 bytes, the size of an ordinary business event. */
const event = () =>
  jsonEvent({
    type: 'bench-event',
    data: { account: randomUUID(), amount: '1234.56', asset: 'EUR', note: 'x'.repeat(120) },
    metadata: { correlation: randomUUID() },
  });

export interface Times {
  warmUpMs: number;
  durationMs: number;
}

/** One event a call, on one stream or spread over many. */
export function singleEventAppends(
  client: EventStoreDBClient,
  streams: 'one' | 'many',
  inFlight: number,
  times: Times,
): Promise<Measurement> {
  const pick = streamPicker(streams === 'one' ? 1 : streamCount);
  return measure({
    name: `append 1 event, ${streams === 'one' ? 'one stream' : `${streamCount} streams`}`,
    unit: 'appends',
    inFlight,
    ...times,
    call: async () => {
      await client.appendToStream(pick(), event());
      return 1;
    },
  });
}

/** Many events a call, spread over many streams; the rate counts events. */
export function multiEventAppends(client: EventStoreDBClient, size: number, inFlight: number, times: Times): Promise<Measurement> {
  const pick = streamPicker(streamCount);
  return measure({
    name: `append ${size} events, ${streamCount} streams`,
    unit: 'events',
    inFlight,
    ...times,
    call: async () => {
      await client.appendToStream(pick(), Array.from({ length: size }, event));
      return size;
    },
  });
}

function streamPicker(count: number): () => string {
  const run = randomUUID();
  let turn = 0;
  return () => `bench-${run}-${turn++ % count}`;
}
