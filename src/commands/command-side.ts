// The parts of command handling put together, over an event store and a database.
import type { Rejection } from '../domain/rejections.ts';
import type { EventStore } from '../eventstore/client.ts';
import { within } from '../eventstore/within.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { knownAccounts } from '../projections/account-list.ts';
import { loadAccounts } from '../projections/accounts.ts';
import type { AskedFacts, FoundFacts } from '../projections/facts.ts';
import { findFacts } from '../projections/facts.ts';
import { inheritedLimits } from '../projections/limits.ts';
import { makeAccountExistence } from './account-existence.ts';
import { makeAccountLoader } from './account-loader.ts';
import { makeAssetRegistry } from './asset-registry.ts';
import type { CommandHandler, CommandObserver } from './handler.ts';
import { makeCommandHandler } from './handler.ts';
import { makeLookupBatcher } from './lookup-batcher.ts';
import type { Spans } from './spans.ts';

export interface CommandSideOptions {
  readonly store: Pick<EventStore, 'streams' | 'annulments'>;
  readonly db: LedgerDb;
  readonly admission: () => Rejection | undefined;
  readonly observe: CommandObserver;
  /** Absent where nobody traces. */
  readonly spans?: Spans | undefined;
  readonly limits: CommandLimits;
  readonly now?: () => number;
}
export interface CommandLimits {
  readonly mailboxCommands: number;
  readonly queueCommands: number;
  readonly cachedAccounts: number;
  readonly doubtBudgetMs: number;
  readonly conflictBudgetMs: number;
}

export interface CommandSide extends CommandHandler {
  /** Writes the assets that every ledger starts with, where they are missing. @returns a position from which they are visible. */
  registerInitialAssets(): Promise<bigint>;
  /** Drops everything that is in memory: it is of another log. */
  forgetAll(): void;
}

/** Two statements under way are enough: while one runs, the next one fills. */
const LOOKUPS = { maxBatch: 500, maxConcurrent: 2, giveUpMs: 10_000 };

export function makeCommandSide({ store, db, admission, observe, spans, limits, now = Date.now }: CommandSideOptions): CommandSide {
  const { streams } = store;
  const loadRow = makeLookupBatcher({
    ...LOOKUPS,
    askAll: async (accountIds: Parameters<typeof loadAccounts>[1]) => {
      const rows = await loadAccounts(db, accountIds);
      return accountIds.map((accountId) => rows.get(accountId) ?? ('absent' as const));
    },
  });
  const findProjected = makeLookupBatcher({
    ...LOOKUPS,
    askAll: async (questions: readonly AskedFacts[]): Promise<readonly FoundFacts[]> => {
      const facts = await findFacts(db, questions);
      return questions.flatMap(({ accountId }) => facts.get(accountId) ?? []);
    },
  });
  const isProjected = makeLookupBatcher({
    ...LOOKUPS,
    askAll: async (accountIds: Parameters<typeof knownAccounts>[1]) => {
      const known = await knownAccounts(db, accountIds);
      return accountIds.map((accountId) => known.has(accountId));
    },
  });
  const accounts = makeAccountLoader({ streams, loadRow, maxCached: limits.cachedAccounts });
  const assets = makeAssetRegistry(streams);
  const existence = makeAccountExistence({ streams, isProjected });
  // What was read before the annulment was known does not have it: the stream is loaded anew.
  store.annulments.onLoaded(({ stream }) => {
    accounts.forget(stream);
    assets.forget(stream);
    existence.forget(stream);
  });
  const handler = makeCommandHandler({
    streams,
    accounts,
    assets,
    existence,
    findProjected,
    inheritedLimits: (ownerId) => within(LOOKUPS.giveUpMs, inheritedLimits(db, ownerId)),
    admission,
    now,
    maxWaitingPerAccount: limits.mailboxCommands,
    maxWaiting: limits.queueCommands,
    doubtBudgetMs: limits.doubtBudgetMs,
    conflictBudgetMs: limits.conflictBudgetMs,
    observe,
    spans,
  });
  return {
    ...handler,
    registerInitialAssets: () => assets.registerInitial(now()),
    forgetAll: () => {
      accounts.forgetAll();
      assets.forgetAll();
      existence.forgetAll();
    },
  };
}
