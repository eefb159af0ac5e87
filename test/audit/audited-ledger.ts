// A ledger's stores with a log of mixed commands in them, projected: what checks are tried on.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { pino } from 'pino';
import type { Checkpoint } from '../../src/audit/chain-checkpoint.ts';
import type { ChainReport } from '../../src/audit/chain-ledger.ts';
import { signLedgerChain, verifyLedgerChain } from '../../src/audit/chain-ledger.ts';
import type { VerifyReport } from '../../src/audit/verify/verify.ts';
import { verifyBooks } from '../../src/audit/verify/verify.ts';
import type { EventStore } from '../../src/eventstore/client.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { chainSigningKey } from '../../src/identity/chain-keys.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import { makeProjector } from '../../src/projections/projector.ts';
import { until } from '../eventstore/new-events.ts';
import { writeMixedLog } from '../projections/mixed-log.ts';
import type { TestStores } from '../stack/stores.ts';
import { startStores } from '../stack/stores.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { ForgedLog } from './forged-log.ts';
import { forgeLog } from './forged-log.ts';

export interface AuditedLedger extends AsyncDisposable {
  readonly stores: TestStores;
  readonly store: EventStore;
  readonly database: Database;
  /** Writes about so many events more, to accounts of their own, and projects them. */
  write(events: number): Promise<void>;
  sign(): Promise<Checkpoint>;
  verify(): Promise<VerifyReport>;
  verifyChain(): Promise<ChainReport>;
  /** Changes the log in its file, while the server is down. */
  forge(change: (log: ForgedLog) => void): Promise<void>;
  /** Makes the projections anew from the log as it is, as far as they go. */
  rebuild(): Promise<void>;
  close(): Promise<void>;
}

export async function startAuditedLedger(events: number): Promise<AuditedLedger> {
  const stores = await startStores();
  let store = connectEventStore(stores.eventStore.url);
  const database = openDatabase(stores.database.url);
  const { db } = database;
  await migrate(db, 'ledger');
  await migrate(db, 'identity');
  const signer = await chainSigningKey(db, TEST_KEY_SECRET);

  async function project(): Promise<void> {
    const logger = pino({ level: 'silent' });
    const projector = makeProjector({ db, store, owner: randomUUID(), batchSize: 500, batchMs: 0, leaseMs: 5_000, logger });
    projector.start();
    const end = (await store.streams.head())?.position ?? -1n;
    await until(async () => projector.status().state === 'halted' || (await readCheckpoint(db)).position >= end);
    await projector.stop();
  }
  async function write(more: number): Promise<void> {
    await writeMixedLog(store.streams, { events: more, accounts: 20, seed: more });
    await project();
  }

  const close = async (): Promise<void> => {
    await store.close();
    await database.close();
    await stores.close();
  };
  await write(events);
  return {
    stores,
    get store() {
      return store;
    },
    database,
    write,
    sign: async () => {
      const checkpoint = await signLedgerChain({ db, store, signer });
      if (checkpoint === undefined) throw new Error('there is nothing to sign');
      return checkpoint;
    },
    verify: () => verifyBooks({ db, store }),
    verifyChain: () => verifyLedgerChain({ db, store }),
    forge: async (change) => {
      // What it has read of the log is the log's past now.
      await store.close();
      await stores.eventStore.stop();
      forgeLog(stores.eventStore.dataDir, change);
      await stores.eventStore.restart();
      store = connectEventStore(stores.eventStore.url);
    },
    rebuild: async () => {
      const tables = sql<{ name: string }>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`;
      const kept = new Set(['leases', 'chain_checkpoints', 'chain_keys']);
      const { rows } = await tables.execute(db);
      const ledger = rows.filter(({ name }) => !kept.has(name) && !name.startsWith('identity_'));
      for (const { name } of ledger) await sql`DROP TABLE ${sql.table(name)} CASCADE`.execute(db);
      await migrate(db, 'ledger');
      await project();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
