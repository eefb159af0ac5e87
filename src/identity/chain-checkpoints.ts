// The table of the chain's signed checkpoints, oldest first. What one says is the business of src/audit/; here they are kept.
import type { LedgerDb } from '../postgres/pool.ts';
import { identityTables } from './tables.ts';

export interface StoredCheckpoint {
  /** 1 for the first. */
  readonly number: bigint;
  /** Parsed JSON, as it was written. */
  readonly checkpoint: unknown;
}

/** All of them, oldest first. */
export const listChainCheckpoints = (db: LedgerDb): Promise<readonly StoredCheckpoint[]> =>
  identityTables(db).selectFrom('chain_checkpoints').selectAll().orderBy('number').execute();

/** The newest; undefined before the first. */
export const newestChainCheckpoint = (db: LedgerDb): Promise<StoredCheckpoint | undefined> =>
  identityTables(db).selectFrom('chain_checkpoints').selectAll().orderBy('number', 'desc').limit(1).executeTakeFirst();

/** Adds one under that number. False: the number is taken, somebody else was first, and nothing was written. */
export async function addChainCheckpoint(db: LedgerDb, number: bigint, checkpoint: object): Promise<boolean> {
  const added = await identityTables(db)
    .insertInto('chain_checkpoints')
    .values({ number, checkpoint: JSON.stringify(checkpoint) })
    .onConflict((conflict) => conflict.column('number').doNothing())
    .returning('number')
    .executeTakeFirst();
  return added !== undefined;
}
