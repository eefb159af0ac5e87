/**
 * Does a command cost more on an account with a long history? `npm run bench:account-size [-- --events 1000000 --samples 1000]`.
 *
 * Writes one account with that many events and one with ten, restarts the ledger, and times withdrawals on both, in turns, in
 * one run: with both accounts in memory, and with room for one account only, so that every command loads its state anew.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { formatMinor } from '../src/domain/amounts.ts';
import type { EventMetadata, StoredEvent } from '../src/domain/events.ts';
import { accountStream } from '../src/domain/events.ts';
import { type AccountId, AccountIdSchema, AssetCodeSchema, commandIdOf } from '../src/domain/ids.ts';
import { startEmbeddedEventStore } from '../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts';
import { connectEventStore } from '../src/eventstore/client.ts';
import { machine } from './eventstore/report.ts';

const { values } = parseArgs({
  options: { events: { type: 'string', default: '1000000' }, samples: { type: 'string', default: '1000' } },
});
const [manyEvents, samples] = [Number(values.events), Number(values.samples)];
const USD = AssetCodeSchema.parse('USD');
const BATCH = 128;
const IN_FLIGHT = 1; // one stream: each append expects the revision that the last one left
const WARM_UP = 50;

const folder = mkdtempSync(join(tmpdir(), 'bench-account-size-'));
const eventStore = await startEmbeddedEventStore({ dataDir: join(folder, 'eventstore') });
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });

function depositOf(accountId: AccountId, n: number): { eventId: string; event: StoredEvent; metadata: EventMetadata } {
  const key = `seed-${n}`;
  const commandId = commandIdOf(accountId, key);
  const available = formatMinor(BigInt(n) * 10_000n, 2);
  const occurredAt = new Date().toISOString();
  return {
    eventId: randomUUID(),
    event: n === 0 ? { type: 'account-opened', version: 1, limits: [] } : deposited(available),
    metadata: {
      key,
      commandId,
      commandHash: '0'.repeat(64),
      correlationId: commandId,
      causationId: commandId,
      actor: 'bench',
      transport: 'internal',
      occurredAt,
    },
  };
}
const deposited = (available: string): StoredEvent => ({
  type: 'deposited',
  version: 1,
  asset: USD,
  amount: '100.00',
  balances: [{ asset: USD, available, held: '0.00' }],
});

/** Opens an account with that many events, written straight into its stream; returns the last one's position. */
async function seed(accountId: AccountId, events: number): Promise<bigint> {
  const store = connectEventStore(eventStore.url);
  let position = 0n;
  for (let from = 0; from < events; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, events - from) }, (_, n) => depositOf(accountId, from + n));
    const outcome = await store.streams.append(accountStream(accountId), batch, { expecting: BigInt(from) - 1n });
    if (outcome.kind !== 'appended') throw new Error(`seeding ended with ${outcome.kind}`);
    position = outcome.position;
  }
  await store.close();
  return position;
}

async function startService(cachedAccounts: number): Promise<{ url: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, ['src/cli/ledger.ts', 'start', '--json'], {
    env: {
      ...process.env,
      PORT: '0',
      LEDGER_LOG_LEVEL: 'warn',
      LEDGER_DATA_DIR: join(folder, 'service'),
      EVENTSTORE_URL: eventStore.url,
      DATABASE_URL: postgres.url,
      LEDGER_CACHED_ACCOUNTS: String(cachedAccounts),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(createInterface(child.stdout), 'line');
  const { apiUrl } = JSON.parse(line) as { apiUrl: string };
  return {
    url: apiUrl,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function waitUntilProjected(url: string, accountId: AccountId, position: bigint): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/v1/accounts/${accountId}/balances?minPosition=${position}`);
    await answer.arrayBuffer();
    if (answer.status === 200) return;
    await sleep(500);
  }
}

async function withdraw(url: string, accountId: AccountId): Promise<number> {
  const startedAt = performance.now();
  const answer = await fetch(`${url}/v1/accounts/${accountId}/withdrawals`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ asset: 'USD', amount: '0.01' }),
  });
  await answer.arrayBuffer();
  if (answer.status !== 201) throw new Error(`a withdrawal was answered with ${answer.status}`);
  return performance.now() - startedAt;
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;

async function compare(title: string, cachedAccounts: number, small: AccountId, large: AccountId): Promise<void> {
  const service = await startService(cachedAccounts);
  try {
    await time(title, service.url, small, large);
  } finally {
    await service.stop();
  }
}

async function time(title: string, url: string, small: AccountId, large: AccountId): Promise<void> {
  const times: Record<string, number[]> = { small: [], large: [] };
  for (let n = -WARM_UP; n < samples; n += 1) {
    // In turns, so that whatever else the machine does meets both alike.
    const [ofSmall, ofLarge] = n % 2 === 0 ? [await withdraw(url, small), await withdraw(url, large)] : await inReverse(url, small, large);
    if (n < 0) continue;
    times['small']?.push(ofSmall);
    times['large']?.push(ofLarge);
  }
  const [s, l] = [times['small'] ?? [], times['large'] ?? []].map((list) => list.toSorted((a, b) => a - b));
  if (!s || !l) throw new Error('nothing was measured');
  const shown = (list: readonly number[]): string => `p50 ${quantile(list, 0.5).toFixed(2)} ms, p99 ${quantile(list, 0.99).toFixed(2)} ms`;
  console.log(
    `${title}\n  ten events: ${shown(s)}\n  ${manyEvents} events: ${shown(l)}\n  ratio of p50: ${(quantile(l, 0.5) / quantile(s, 0.5)).toFixed(3)}`,
  );
}
async function inReverse(url: string, small: AccountId, large: AccountId): Promise<[number, number]> {
  const ofLarge = await withdraw(url, large);
  return [await withdraw(url, small), ofLarge];
}

try {
  const { cores, cpu, node } = machine();
  console.log(
    `${cores} cores (${cpu}), Node ${node}; ${samples} withdrawals on each account, ${IN_FLIGHT} in flight, client on the same machine`,
  );
  const [small, large] = [AccountIdSchema.parse(randomUUID()), AccountIdSchema.parse(randomUUID())];
  const seedingAt = performance.now();
  await seed(small, 10);
  const position = await seed(large, manyEvents);
  console.log(`seeded ${manyEvents} events in ${((performance.now() - seedingAt) / 1000).toFixed(1)} s`);
  const first = await startService(10_000);
  const projectingAt = performance.now();
  await waitUntilProjected(first.url, large, position);
  console.log(`projected after ${((performance.now() - projectingAt) / 1000).toFixed(1)} s`);
  await first.stop();
  await compare('every command loads its account anew (room for one account in memory):', 1, small, large);
  await compare('accounts in memory:', 10_000, small, large);
} finally {
  await postgres.stop();
  await eventStore.stop();
  rmSync(folder, { recursive: true, force: true });
}
