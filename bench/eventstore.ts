/**
 * How fast an event store is through the official client: `npm run bench:eventstore [-- --quick]`.
 *
 * Measures `EVENTSTORE_URL`, or the embedded event store, durable, on a temporary folder. Client and server share the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EventStoreDBClient } from '@eventstore/db-client';
import { startEmbeddedEventStore } from '../src/embedded/eventstore.ts';
import { multiEventAppends, singleEventAppends } from './eventstore/appends.ts';
import { diskBaseline } from './eventstore/disk-baseline.ts';
import type { Measurement } from './eventstore/measure.ts';
import { catchUp, pagesOfAll, streamOfAll } from './eventstore/reads.ts';
import { header, machine, row, save } from './eventstore/report.ts';

const { quick } = parseArgs({ options: { quick: { type: 'boolean', default: false } } }).values;
const times = quick ? { warmUpMs: 300, durationMs: 700 } : { warmUpMs: 1_000, durationMs: 3_000 };
const readCount = quick ? 20_000 : 150_000;

const folder = mkdtempSync(join(tmpdir(), 'bench-eventstore-'));
const url = process.env['EVENTSTORE_URL'];
const server = url === undefined || url === '' ? await startEmbeddedEventStore({ dataDir: folder }) : undefined;
const client = EventStoreDBClient.connectionString(server?.url ?? url ?? '');

try {
  const { cores, cpu, node } = machine();
  console.log(
    `${server === undefined ? 'EVENTSTORE_URL' : 'embedded event store'}; ${cores} cores (${cpu}), Node ${node}, client on the same machine\n`,
  );
  console.log(header);
  const baseline = await diskBaseline(folder, times.durationMs);
  const measured: Measurement[] = [];
  const show = (measurement: Measurement) => {
    measured.push(measurement);
    console.log(row(measurement, baseline));
  };
  console.log(row(baseline, baseline));
  for (const streams of ['one', 'many'] as const) {
    for (const inFlight of [1, 16, 64, 256]) show(await singleEventAppends(client, streams, inFlight, times));
  }
  show(await multiEventAppends(client, 10, 16, times));
  show(await multiEventAppends(client, 100, 4, times));
  show(await pagesOfAll(client, times));
  show(await streamOfAll(client, readCount));
  show(await catchUp(client, readCount));
  const report = { at: new Date().toISOString(), store: server === undefined ? 'EVENTSTORE_URL' : 'embedded', quick, machine: machine() };
  console.log(`\n${save('eventstore', { ...report, baseline, measured })}`);
} finally {
  await client.dispose();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
