/**
 * How fast are the projections rebuilt, and what do others notice? `npm run bench:rebuild [-- --events 1000000 --accounts 1000 --rps 100]`;
 * some five minutes for a million events.
 *
 * A log of mixed commands; then, in one run: `$all` read by the bare client, `ledger rebuild --swap`, the client again, each in a process
 * of its own. Then the service, with mixed requests at a steady rate, alone and during another rebuild; and a `ledger diff` at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedEventStore } from '../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts';
import { connectEventStore } from '../src/eventstore/client.ts';
import { writeMixedLog } from '../test/projections/mixed-log.ts';
import { machine, save } from './eventstore/report.ts';
import { startService } from './ledger-service.ts';
import type { Traffic } from './rebuild/live-traffic.ts';
import { sendWhile } from './rebuild/live-traffic.ts';
import { run } from './rebuild/processes.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    accounts: { type: 'string', default: '1000' },
    rps: { type: 'string', default: '100' },
    'quiet-seconds': { type: 'string', default: '30' },
  },
});
const perSecond = Number(values.rps);
const quietMs = Number(values['quiet-seconds']) * 1000;
const WARM_UP_MS = 5_000;

const folder = mkdtempSync(join(tmpdir(), 'bench-rebuild-'));
await using opened = new AsyncDisposableStack();
opened.defer(() => rmSync(folder, { recursive: true, force: true }));
const eventStore = await startEmbeddedEventStore({ dataDir: join(folder, 'eventstore') });
opened.defer(() => eventStore.stop());
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
opened.defer(() => postgres.stop());
const stores = { folder, eventStoreUrl: eventStore.url, databaseUrl: postgres.url };
// The verbs are given the service's own folder: its secrets are there.
const env = {
  ...process.env,
  EVENTSTORE_URL: eventStore.url,
  DATABASE_URL: postgres.url,
  AMQP_URL: '',
  LEDGER_DATA_DIR: join(folder, 'service'),
};

const { cores, cpu, node } = machine();
console.log(`${cores} cores (${cpu}), Node ${node}; everything on the same machine`);
const store = connectEventStore(eventStore.url);
const seedingAt = performance.now();
const { events, accountIds } = await writeMixedLog(store.streams, { events: Number(values.events), accounts: Number(values.accounts) });
await store.close();
console.log(`${events} events of mixed commands on ${accountIds.length} accounts, written in ${secondsSince(seedingAt)} s\n`);

/** Events a second. */
async function bareRead(way: 'loop' | 'listener'): Promise<number> {
  const { stdout } = await run(['bench/rebuild/bare-read.ts', eventStore.url, way], env);
  const read = JSON.parse(stdout) as { events: number; ms: number };
  return (read.events / read.ms) * 1000;
}

async function rebuild(): Promise<{ readonly rate: number; readonly seconds: number; readonly peakMiB: number }> {
  const { stdout, peakMiB } = await run(['src/cli/ledger.ts', 'rebuild', '--swap', '--json'], env);
  const { applied, seconds } = JSON.parse(stdout) as { applied: string; seconds: number };
  return { rate: Number(applied) / seconds, seconds, peakMiB };
}

const before = { loop: await bareRead('loop'), listener: await bareRead('listener') };
const quiet = await rebuild();
const after = { loop: await bareRead('loop'), listener: await bareRead('listener') };
const bare = { loop: (before.loop + after.loop) / 2, listener: (before.listener + after.listener) / 2 };
const perS = (rate: number): string => `${Math.round(rate).toLocaleString('en')}/s`;
console.log(`bare read, for await      ${perS(bare.loop)} (${perS(before.loop)} before, ${perS(after.loop)} after)`);
console.log(`bare read, by a listener  ${perS(bare.listener)} (${perS(before.listener)} before, ${perS(after.listener)} after)`);
console.log(
  `rebuild and swap          ${perS(quiet.rate)}: ${(quiet.rate / bare.loop).toFixed(2)}× and ${(quiet.rate / bare.listener).toFixed(2)}×; peak memory ${Math.round(quiet.peakMiB)} MiB\n`,
);

const service = await startService(stores, { AMQP_URL: '' });
opened.defer(() => service.stop());
const traffic = (leastMs: number, until: Promise<unknown> = Promise.resolve()) =>
  sendWhile(service, accountIds, { perSecond, leastMs, until });
await traffic(WARM_UP_MS);
const alone = await traffic(quietMs);
const rebuilding = rebuild();
const busy = await traffic(0, rebuilding);
const live = await rebuilding;
const told = ({ requests, failed, p50Ms, p99Ms }: Traffic): string =>
  `${requests} requests, ${failed} failed, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
console.log(`${perSecond} requests a second, alone:            ${told(alone)}`);
console.log(`${perSecond} requests a second, during a rebuild: ${told(busy)}; p99 ${(busy.p99Ms / alone.p99Ms).toFixed(1)}×`);
console.log(`the rebuild meanwhile: ${perS(live.rate)}, peak memory ${Math.round(live.peakMiB)} MiB`);
const diffAt = performance.now();
const diff = await run(['src/cli/ledger.ts', 'diff'], env);
console.log(`diff (with a rebuild of its own), after ${secondsSince(diffAt)} s, ${Math.round(diff.peakMiB)} MiB: ${diff.stdout.trim()}`);
process.exitCode = diff.code;

console.log(`\n${save('rebuild', { at: new Date().toISOString(), machine: machine(), events, bare, quiet, alone, busy, live })}`);

function secondsSince(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
