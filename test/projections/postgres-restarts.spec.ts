// A Postgres of one's own, killed while the projector works.
import { rm } from 'node:fs/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { accountStream } from '../../src/domain/events.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { unequalBooks } from '../../src/projections/balances.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import { watchPosition } from '../../src/projections/position.ts';
import { makeProjector } from '../../src/projections/projector.ts';
import { deposited, newAccountId, newEvent, opened, until } from '../eventstore/new-events.ts';
import { startEventStore } from '../stack/eventstore.ts';
import { PATIENCE_MS } from '../stack/patience.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';

it('costs the projector a pause: it goes on by itself, never halts, and every event is applied once', async () => {
  const dataDir = await scratchFolder();
  await using eventStore = await startEventStore();
  let postgres = await startEmbeddedPostgres({ dataDir });
  const database = openDatabase(postgres.url);
  await migrate(database.db, 'ledger');
  const store = connectEventStore(eventStore.url);
  const stream = accountStream(newAccountId());
  await store.streams.append(stream, [newEvent(opened())], { expecting: -1n });
  for (let n = 0n; n < 1_000n; n += 50n) {
    await store.streams.append(
      stream,
      Array.from({ length: 50 }, () => newEvent(deposited('1.00'))),
      { expecting: n },
    );
  }
  const position = watchPosition(database);
  const projector = makeProjector({
    db: database.db,
    store,
    owner: 'test',
    batchSize: 3,
    batchMs: 0,
    leaseMs: 2_000,
    logger: pino({ level: 'silent' }),
  });
  projector.start();
  await until(() => projector.status().eventsApplied > 100n);
  process.kill(postgres.pid, 'SIGKILL');
  await postgres.exited;
  postgres = await startEmbeddedPostgres({ dataDir });
  const head = (await store.streams.head())?.position ?? 0n;
  expect(await position.waitFor(head, PATIENCE_MS)).toBe(true);
  expect(await readCheckpoint(database.db)).toMatchObject({ position: head, events: 1_001n, halt: undefined });
  expect(await unequalBooks(database.db)).toEqual([]);
  expect(projector.status().state).toBe('running');
  await projector.stop();
  await position.close();
  await store.close();
  await database.close();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});
