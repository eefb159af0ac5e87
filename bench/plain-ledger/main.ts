// The plain ledger as a process of its own. It takes the ledger's settings and is started, asked whether it is ready, and stopped like it.
import pg from 'pg';
import { bearerPrincipal } from '../../src/api/principal.ts';
import { readEnv } from '../../src/config.ts';
import { identityOf } from '../../src/identity-setup.ts';
import { listenOn } from '../../src/listening.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { createPlainLedger } from './app.ts';
import { makeBook } from './book.ts';
import { migratePlainLedger } from './migrate.ts';

/** Best of 3 to 32 for commands over many accounts, at 64 clients on two cores. For one hot account alone 4 would do half as much again, and for many 0.6 times as much. */
const CONNECTIONS = 12;

const config = readEnv(process.env);
if (config.databaseUrl === undefined) throw new Error('DATABASE_URL names the database');
const pool = new pg.Pool({ connectionString: config.databaseUrl, min: CONNECTIONS, max: CONNECTIONS, application_name: 'plain ledger' });
pool.on('error', () => undefined); // a connection lost while idle; whoever uses one gets its error from the query
await migratePlainLedger(pool);
// The signing keys, so that the tokens are checked as the ledger checks them.
const identityDatabase = openDatabase(config.databaseUrl, { maxConnections: 2 });
await migrate(identityDatabase.db, 'identity');
const identity = await identityOf(config, identityDatabase, () => undefined);

const { bodyLimitBytes } = config;
const app = await createPlainLedger({ book: makeBook(pool), principal: bearerPrincipal(identity.verifier), bodyLimitBytes });
const apiUrl = await listenOn(app, config);
process.stdout.write(`${JSON.stringify({ apiUrl })}\n`);

process.once('SIGTERM', async () => {
  await app.close();
  identity.close();
  await identityDatabase.close();
  await pool.end();
});
