// Command handling over real stores, with its projector, in one process: what handler and bus specs run against.
import { randomUUID } from 'node:crypto';
import pino from 'pino';
import type { CommandSide, CommandSideOptions } from '../../src/commands/command-side.ts';
import { makeCommandSide } from '../../src/commands/command-side.ts';
import type { CommandObserver } from '../../src/commands/handler.ts';
import type { EventStore } from '../../src/eventstore/client.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { makeProjector, type Projector } from '../../src/projections/projector.ts';
import type { TestStores } from '../stack/stores.ts';
import { startStores } from '../stack/stores.ts';

export interface CommandStack {
  readonly stores: TestStores;
  readonly store: EventStore;
  readonly database: Database;
  readonly projector: Projector;
  readonly commands: CommandSide;
  /** What the handler told its observer. */
  readonly seen: { appends: number[]; conflicts: number; failures: unknown[] };
  /** Another process's worth of command handling over the same stores: nothing in memory is shared. */
  another(options?: Partial<CommandSideOptions>): CommandSide;
  close(): Promise<void>;
}

const LIMITS = { mailboxCommands: 2000, queueCommands: 5000, cachedAccounts: 1000, doubtBudgetMs: 20_000, conflictBudgetMs: 30_000 };

export async function startCommandStack(options: Partial<CommandSideOptions> = {}): Promise<CommandStack> {
  const stores = await startStores();
  const store = connectEventStore(stores.eventStore.url);
  const database = openDatabase(stores.database.url, { maxConnections: 5 });
  await migrate(database.db, 'ledger');
  await migrate(database.db, 'identity');
  await store.annulments.load();
  const projector = makeProjector({
    store,
    db: database.db,
    owner: randomUUID(),
    batchSize: 500,
    batchMs: 1,
    leaseMs: 5000,
    logger: pino({ level: 'silent' }),
  });
  projector.start();
  const seen: CommandStack['seen'] = { appends: [], conflicts: 0, failures: [] };
  const observe: CommandObserver = {
    answered: () => {},
    appended: (events) => void seen.appends.push(events),
    conflicted: () => {
      seen.conflicts += 1;
    },
    failed: (_stream, error) => void seen.failures.push(error),
  };
  const another = (more: Partial<CommandSideOptions> = {}): CommandSide =>
    makeCommandSide({ store, db: database.db, admission: () => undefined, observe, limits: LIMITS, ...options, ...more });
  const commands = another();
  await commands.registerInitialAssets();
  return {
    stores,
    store,
    database,
    projector,
    commands,
    seen,
    another,
    async close() {
      await commands.drain();
      await projector.stop();
      await store.close();
      await database.close();
      await stores.close();
    },
  };
}
