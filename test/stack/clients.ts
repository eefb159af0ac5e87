// Clients of the ledgers that tests start: made as `ledger clients create` makes them.
import { makeClients } from '../../src/identity/clients.ts';
import type { Role } from '../../src/identity/roles.ts';
import { openDatabase } from '../../src/postgres/pool.ts';

/** Makes that broker user a client, a producer where nothing else is said, of the ledgers on that database, which has its tables. */
export async function createClient(databaseUrl: string, clientId: string, role: Role = 'producer'): Promise<void> {
  const database = openDatabase(databaseUrl, { maxConnections: 1, applicationName: 'test clients' });
  try {
    if ((await makeClients(database.db).create(clientId, role)) === undefined) throw new Error(`there is a client ${clientId} already`);
  } finally {
    await database.close();
  }
}
