import type { Config } from '../config.ts';
import { readEnv } from '../config.ts';
import { migrate } from '../postgres/migrate.ts';
import type { Database } from '../postgres/pool.ts';
import { openDatabase } from '../postgres/pool.ts';
import { onProgress } from './output.ts';
import { findServers } from './servers.ts';

/** What was asked of such a verb cannot be meant: there is no such user or client, or it was not confirmed with `--yes`. */
export class IdentityMisuse extends Error {
  override readonly name = 'IdentityMisuse';
}

/** What a verb about users, machines and keys works on. */
export interface IdentityDatabase extends AsyncDisposable {
  readonly config: Config;
  readonly database: Database;
}

/**
 * The database with the identity tables in it, up to date; to be used with `await using`.
 * @param verb shown among the connections of Postgres.
 */
export async function openIdentityDatabase(verb: string): Promise<IdentityDatabase> {
  const config = readEnv(process.env);
  await using opened = new AsyncDisposableStack();
  const servers = opened.use(await findServers(config, onProgress));
  const database = openDatabase(servers.databaseUrl, { maxConnections: 2, applicationName: `ledger ${verb}` });
  opened.defer(() => database.close());
  await migrate(database.db, 'identity');
  const kept = opened.move();
  return { config, database, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
