// A database with the projections' tables, an event store, and a projector between them: all real, one set a test file.
import { pino } from 'pino';
import type { EventStore } from '../../src/eventstore/client.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import type { Projector, ProjectorOptions } from '../../src/projections/projector.ts';
import { makeProjector } from '../../src/projections/projector.ts';
import { until } from '../eventstore/new-events.ts';
import type { TestStores } from '../stack/stores.ts';
import { startStores } from '../stack/stores.ts';

export interface LedgerUnderTest extends Database {
  readonly stores: TestStores;
  readonly store: EventStore;
  /** A projector that was not started, stopped at the end of the file if it still runs. */
  projector(options?: Partial<ProjectorOptions>): Projector;
  /** Appends behind the stream's last event, whatever it is. @returns the position. */
  append(stream: string, ...events: readonly NewEvent[]): Promise<bigint>;
  /** Waits until everything in the log is projected. */
  caughtUp(): Promise<void>;
}

export async function startLedger(): Promise<LedgerUnderTest> {
  const stores = await startStores();
  const database = openDatabase(stores.database.url);
  await migrate(database.db, 'ledger');
  const store = connectEventStore(stores.eventStore.url);
  const projectors: Projector[] = [];
  const ends = new Map<string, bigint>();
  return {
    ...database,
    stores,
    store,
    projector: (options) => {
      const made = makeProjector({
        db: database.db,
        store,
        owner: 'test',
        batchSize: 500,
        batchMs: 0,
        leaseMs: 2_000,
        haltedPollMs: 20,
        logger: pino({ level: process.env['LEDGER_TEST_LOG'] ?? 'silent' }),
        ...options,
      });
      projectors.push(made);
      return made;
    },
    append: async (stream, ...events) => {
      let expecting = ends.get(stream);
      if (expecting === undefined) {
        expecting = -1n;
        for await (const { revision } of store.streams.read(stream, 0n)) expecting = revision;
      }
      const outcome = await store.streams.append(stream, events, { expecting });
      if (outcome.kind !== 'appended') throw new Error(`the append to ${stream} ended in ${outcome.kind}`);
      ends.set(stream, outcome.lastRevision);
      return outcome.position;
    },
    caughtUp: async () => {
      const head = (await store.streams.head())?.position ?? -1n;
      await until(async () => (await readCheckpoint(database.db)).position >= head);
    },
    close: async () => {
      await Promise.all(projectors.map((projector) => projector.stop()));
      await store.close();
      await database.close();
      await stores.close();
    },
  };
}
