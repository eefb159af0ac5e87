// Two accounts with different pasts, timed against each other: seeded straight into the event store, then asked for the same
// withdrawals in turns, in one run, by a ledger that has forgotten everything about them.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { AccountIdSchema, commandIdOf } from '../../src/domain/ids.ts';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';
import { machine } from '../eventstore/report.ts';
import { startService } from '../ledger-service.ts';

/** An account's past: what it is called in the report, and its n-th event, given the id that event will have. */
export interface Past {
  readonly called: string;
  readonly events: number;
  readonly eventAt: (n: number, eventId: string) => StoredEvent;
}
export interface Comparison {
  readonly small: Past;
  readonly large: Past;
  /** Withdrawals timed on each account. */
  readonly samples: number;
}

const BATCH = 128;
const WARM_UP = 50;

/** Seeds both accounts and prints how long a withdrawal takes on each, with accounts in memory and without. */
export async function compareAccounts({ small, large, samples }: Comparison): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-accounts-'));
  const eventStore = await startEmbeddedEventStore({ dataDir: join(folder, 'eventstore') });
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
  const stores = { folder, eventStoreUrl: eventStore.url, databaseUrl: postgres.url };
  try {
    const { cores, cpu, node } = machine();
    console.log(`${cores} cores (${cpu}), Node ${node}; ${samples} withdrawals on each account, one at a time, client on the same machine`);
    const seedingAt = performance.now();
    const [ofSmall, ofLarge] = [await seed(eventStore.url, small), await seed(eventStore.url, large)];
    console.log(`seeded ${small.events + large.events} events in ${secondsSince(seedingAt)} s`);
    const first = await startService(stores, { LEDGER_CACHED_ACCOUNTS: '10000' });
    const projectingAt = performance.now();
    await waitUntilProjected(first.url, ofLarge);
    console.log(`projected after ${secondsSince(projectingAt)} s`);
    await first.stop();
    const cases = [
      ['every command loads its account anew (room for one account in memory)', 1],
      ['accounts in memory', 10_000],
    ] as const;
    for (const [title, cachedAccounts] of cases) {
      const service = await startService(stores, { LEDGER_CACHED_ACCOUNTS: String(cachedAccounts) });
      const times = await timeInTurns(service.url, ofSmall.accountId, ofLarge.accountId, samples);
      await service.stop();
      report(title, small, large, times);
    }
  } finally {
    await postgres.stop();
    await eventStore.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const secondsSince = (startedAt: number): string => ((performance.now() - startedAt) / 1000).toFixed(1);

interface Seeded {
  readonly accountId: AccountId;
  /** Of its last event. */
  readonly position: bigint;
}

async function seed(url: string, { events, eventAt }: Past): Promise<Seeded> {
  const store = connectEventStore(url);
  const accountId = AccountIdSchema.parse(randomUUID());
  let position = 0n;
  for (let from = 0; from < events; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, events - from) }, (_, n) => seededEvent(accountId, from + n, eventAt));
    const outcome = await store.streams.append(accountStream(accountId), batch, { expecting: BigInt(from) - 1n });
    if (outcome.kind !== 'appended') throw new Error(`seeding ended with ${outcome.kind}`);
    position = outcome.position;
  }
  await store.close();
  return { accountId, position };
}

function seededEvent(accountId: AccountId, n: number, eventAt: Past['eventAt']): NewEvent {
  const key = `seed-${n}`;
  const commandId = commandIdOf(accountId, key);
  const eventId = uuidv7();
  return {
    eventId,
    event: eventAt(n, eventId),
    metadata: {
      key,
      commandId,
      commandHash: '0'.repeat(64),
      correlationId: commandId,
      causationId: commandId,
      actor: 'bench',
      transport: 'internal',
      occurredAt: new Date().toISOString(),
    },
  };
}

async function waitUntilProjected(url: string, { accountId, position }: Seeded): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/v1/accounts/${accountId}/balances?minPosition=${position}`);
    await answer.arrayBuffer();
    if (answer.status === 200) return;
    await sleep(500);
  }
}

/** One withdrawal, in ms. */
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

interface Times {
  readonly small: number[];
  readonly large: number[];
}

/** In turns, so that whatever else the machine does meets both alike. */
async function timeInTurns(url: string, small: AccountId, large: AccountId, samples: number): Promise<Times> {
  const times: Times = { small: [], large: [] };
  for (let n = -WARM_UP; n < samples; n += 1) {
    const order = n % 2 === 0 ? (['small', 'large'] as const) : (['large', 'small'] as const);
    for (const which of order) {
      const tookMs = await withdraw(url, which === 'small' ? small : large);
      if (n >= 0) times[which].push(tookMs);
    }
  }
  return times;
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;

function report(title: string, small: Past, large: Past, times: Times): void {
  const [ofSmall, ofLarge] = [times.small, times.large].map((list) => list.toSorted((a, b) => a - b));
  if (!ofSmall || !ofLarge) throw new Error('nothing was measured');
  const shown = (list: readonly number[]): string => `p50 ${quantile(list, 0.5).toFixed(2)} ms, p99 ${quantile(list, 0.99).toFixed(2)} ms`;
  const ratio = (quantile(ofLarge, 0.5) / quantile(ofSmall, 0.5)).toFixed(3);
  console.log(`${title}:\n  ${small.called}: ${shown(ofSmall)}\n  ${large.called}: ${shown(ofLarge)}\n  ratio of p50: ${ratio}`);
}
