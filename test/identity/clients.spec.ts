import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientIdSchema, type Clients, makeClients } from '../../src/identity/clients.ts';
import { identityTables } from '../../src/identity/tables.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres, type TestDatabase } from '../stack/postgres.ts';

let server: TestDatabase;
let database: Database;
let clients: Clients;
beforeAll(async () => {
  server = await startPostgres();
  database = openDatabase(server.url);
  await migrate(database.db, 'identity');
  clients = makeClients(database.db);
});
afterAll(async () => {
  await database?.close();
  await server?.close();
});

async function created(clientId: string, role: 'producer' | 'auditor' = 'producer'): Promise<string> {
  const secret = await clients.create(clientId, role);
  if (secret === undefined) throw new Error(`${clientId} is taken`);
  return secret;
}

describe('a client', () => {
  it('is known by its secret, and by no other', async () => {
    const [venue, custody] = [await created('venue-1'), await created('custody', 'auditor')];
    expect(await clients.authenticate('venue-1', venue)).toEqual({ clientId: 'venue-1', role: 'producer' });
    expect(await clients.authenticate('custody', custody)).toEqual({ clientId: 'custody', role: 'auditor' });
    const wrong = [custody, '', venue.slice(0, -1), `${venue}A`, venue.toLowerCase(), ` ${venue}`, '\0', '💰'.repeat(1000)];
    for (const secret of wrong) expect(await clients.authenticate('venue-1', secret), JSON.stringify(secret)).toBeUndefined();
  });

  it('has a secret of 256 bits, of which the database has only the SHA-256', async () => {
    const secrets = [await created('bits-1'), await created('bits-2')];
    expect(new Set(secrets).size).toBe(2);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const rows = await identityTables(database.db)
      .selectFrom('clients')
      .select('secret_hash')
      .where('client_id', 'like', 'bits-%')
      .execute();
    expect(rows.map(({ secret_hash }) => secret_hash.length)).toEqual([32, 32]);
    const stored = rows.map(({ secret_hash }) => secret_hash.toString('base64url'));
    expect(stored.filter((hash) => secrets.includes(hash))).toEqual([]);
  });

  it('is found by its exact id', async () => {
    await created('Feed.A');
    expect(await clients.find('Feed.A')).toEqual({ clientId: 'Feed.A', role: 'producer' });
    for (const id of ['feed.a', 'FeedXA', 'Feed.A ', 'Feed%', '', '\0', '__proto__', "'; DROP TABLE clients; --"]) {
      expect(await clients.find(id), id).toBeUndefined();
      expect(await clients.authenticate(id, 'x'), id).toBeUndefined();
      expect(await clients.revoke(id), id).toBe(false);
    }
  });

  it('is nobody any more once it is revoked, and stays so', async () => {
    const secret = await created('short-lived');
    expect(await clients.revoke('short-lived')).toBe(true);
    expect(await clients.authenticate('short-lived', secret)).toBeUndefined();
    expect(await clients.find('short-lived')).toBeUndefined();
    const listed = async () => (await clients.list()).find(({ clientId }) => clientId === 'short-lived');
    const before = await listed();
    expect(before?.revokedAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(await clients.revoke('short-lived')).toBe(true);
    expect(await listed()).toEqual(before);
  });

  it('leaves its id to nobody: not while it is there, not when it is revoked', async () => {
    const secret = await created('only-one');
    expect(await clients.create('only-one', 'auditor')).toBeUndefined();
    expect(await clients.authenticate('only-one', secret)).toMatchObject({ role: 'producer' });
    await clients.revoke('only-one');
    expect(await clients.create('only-one', 'producer')).toBeUndefined();
  });

  it('is made once, however many make it at a time', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => clients.create('raced', 'producer')));
    const secrets = made.filter((secret) => secret !== undefined);
    expect(secrets).toHaveLength(1);
    expect(await clients.authenticate('raced', secrets[0] ?? '')).toMatchObject({ clientId: 'raced' });
  });

  it('is listed by its id, without anything of its secret', async () => {
    await created('list-b');
    await created('list-a', 'auditor');
    const listed = (await clients.list()).filter(({ clientId }) => clientId.startsWith('list-'));
    const createdAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(listed).toEqual([
      { clientId: 'list-a', role: 'auditor', createdAt },
      { clientId: 'list-b', role: 'producer', createdAt },
    ]);
  });
});

describe('the id of a client', () => {
  it.each(['a', 'A.b_c-9', '-', 'x'.repeat(64)])('may be %j', (id) => {
    expect(ClientIdSchema.safeParse(id).success).toBe(true);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'ä', 'a:b', 'a/b', 'a\n', '0D0E7E10-9e5e-4c0b-8f00-1edce7f01d00'])('is never %j', async (id) => {
    expect(ClientIdSchema.safeParse(id).success).toBe(false);
    await expect(clients.create(id, 'producer')).rejects.toThrow();
  });
});
