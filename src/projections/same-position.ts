// Seeing the live tables and a shadow at one and the same position, while the projector goes on.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Database } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { Shadow } from './shadow.ts';
import { tablesIn } from './shadow-tables.ts';

/**
 * Holds the live checkpoint's row while `catchUp` brings the shadow to exactly there, and lets it go as soon as a snapshot of both is
 * taken, in which `look` then looks for as long as it likes. Meanwhile the tables cannot be swapped.
 */
export async function atSamePosition<Result>(
  { db }: Pick<Database, 'db'>,
  { live, schema }: Pick<Shadow, 'live' | 'schema'>,
  catchUp: (live: Checkpoint) => Promise<void>,
  look: (tx: Transaction<LedgerTables>) => Promise<Result>,
): Promise<Result> {
  const looking = Promise.withResolvers<void>();
  const holding = db.transaction().execute(async (tx) => {
    await tx.selectFrom('checkpoint').select('position').forUpdate().execute();
    await catchUp(await readCheckpoint(tx));
    const result = db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (snapshot) => {
        const tables = await tablesIn(snapshot, schema);
        const names = [live, schema].flatMap((of) => tables.map((table) => sql.id(of, table)));
        // A table that is swapped after the snapshot was taken would be seen half filled.
        await sql`LOCK TABLE ${sql.join(names)} IN ACCESS SHARE MODE`.execute(snapshot);
        await sql`SET LOCAL work_mem = '64MB'`.execute(snapshot);
        looking.resolve();
        return look(snapshot);
      });
    result.catch(() => {}); // it is awaited once the row is let go
    await Promise.race([looking.promise, result]);
    return { result };
  });
  return (await holding).result;
}
