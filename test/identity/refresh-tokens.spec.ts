import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RefreshTokens, Rotation } from '../../src/identity/refresh-tokens.ts';
import { makeRefreshTokens, REFRESH_TOKEN_S } from '../../src/identity/refresh-tokens.ts';
import { identityTables } from '../../src/identity/tables.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres, type TestDatabase } from '../stack/postgres.ts';

let server: TestDatabase;
let database: Database;
let tokens: RefreshTokens;
let userId: string;
beforeAll(async () => {
  server = await startPostgres();
  database = openDatabase(server.url);
  await migrate(database.db, 'identity');
  tokens = makeRefreshTokens(database.db);
});
afterAll(async () => {
  await database.close();
  await server.close();
});
const HOUR_S = 60 * 60;
const tables = () => identityTables(database.db);
beforeEach(async () => {
  userId = randomUUID();
  await tables().insertInto('users').values({ user_id: userId, name: userId, password_hash: 'none' }).execute();
});

const rotated = async (token: string): Promise<string> => {
  const rotation = await tokens.rotate(token);
  if (rotation.kind !== 'rotated') throw new Error(`the token was ${rotation.kind}`);
  return rotation.token;
};
const kindsOf = (rotations: readonly Rotation[]) => rotations.map(({ kind }) => kind).sort();
const rowsOf = async (user: string) => {
  const families = await tables().selectFrom('refresh_families').select('family_id').where('user_id', '=', user).execute();
  const held = await tables()
    .selectFrom('refresh_tokens')
    .innerJoin('refresh_families', 'refresh_families.family_id', 'refresh_tokens.family_id')
    .select(['token_hash', 'expires_at', 'issued_at'])
    .where('user_id', '=', user)
    .execute();
  return { families: families.length, tokens: held };
};
/** As if that much time had gone by for all that the user has. */
const age = (user: string, seconds: number) =>
  sql`UPDATE refresh_tokens SET expires_at = expires_at - make_interval(secs => ${seconds})
    WHERE family_id IN (SELECT family_id FROM refresh_families WHERE user_id = ${user})`.execute(database.db);

describe('a refresh token', () => {
  it('works once, and gives the next of its session', async () => {
    const first = await tokens.begin(userId);
    const answer = await tokens.rotate(first);
    expect(answer).toMatchObject({ kind: 'rotated', userId });
    const second = answer.kind === 'rotated' ? answer.token : '';
    expect(second).not.toBe(first);
    expect((await tokens.rotate(second)).kind).toBe('rotated');
  });

  it('is 256 bits of chance, of which only a hash is kept, for 30 days', async () => {
    const token = await tokens.begin(userId);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const {
      tokens: [row],
    } = await rowsOf(userId);
    expect(row?.token_hash).toHaveLength(32);
    const { rows } = await sql<{ dump: string }>`SELECT string_agg(t::text, '') AS dump FROM refresh_tokens t`.execute(database.db);
    expect(rows[0]?.dump).not.toContain(token);
    expect(rows[0]?.dump).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
    expect(Date.parse(row?.expires_at ?? '') - Date.parse(row?.issued_at ?? '')).toBe(REFRESH_TOKEN_S * 1000);
  });

  it('ends its session when it is used a second time: the newest token does not work either', async () => {
    const first = await tokens.begin(userId);
    const third = await rotated(await rotated(first));
    expect(await tokens.rotate(first)).toEqual({ kind: 'reused', userId });
    expect(await tokens.rotate(third)).toEqual({ kind: 'refused' });
    // It has ended with that, and is no news any more.
    expect(await tokens.rotate(first)).toEqual({ kind: 'refused' });
  });

  it('has one winner when it is used many times at once, and nobody keeps a session', async () => {
    const token = await tokens.begin(userId);
    const rotations = await Promise.all(Array.from({ length: 20 }, () => tokens.rotate(token)));
    expect(kindsOf(rotations)).toEqual([...Array(18).fill('refused'), 'reused', 'rotated']);
    const winner = rotations.find(({ kind }) => kind === 'rotated');
    expect(await tokens.rotate(winner?.kind === 'rotated' ? winner.token : '')).toEqual({ kind: 'refused' });
  });

  it('leaves the other sessions of its user alone', async () => {
    const [stolen, other] = [await tokens.begin(userId), await tokens.begin(userId)];
    await tokens.rotate(stolen);
    expect((await tokens.rotate(stolen)).kind).toBe('reused');
    expect((await tokens.rotate(other)).kind).toBe('rotated');
  });

  it('does not work any more once it has expired', async () => {
    const token = await tokens.begin(userId);
    await age(userId, REFRESH_TOKEN_S);
    expect(await tokens.rotate(token)).toEqual({ kind: 'refused' });
  });

  it('does not work once its session was ended, with whichever of its tokens', async () => {
    const first = await tokens.begin(userId);
    const second = await rotated(first);
    await tokens.end(first);
    expect(await tokens.rotate(second)).toEqual({ kind: 'refused' });
    await tokens.end(second);
  });

  it('does not outlive an end that comes at the same time as its use', async () => {
    for (let round = 0; round < 10; round += 1) {
      const token = await tokens.begin(userId);
      const [rotation] = await Promise.all([tokens.rotate(token), tokens.end(token)]);
      if (rotation.kind === 'rotated') expect(await tokens.rotate(rotation.token)).toEqual({ kind: 'refused' });
      else expect(rotation).toEqual({ kind: 'refused' });
    }
  });

  it('is none where nobody has issued it', async () => {
    expect(await tokens.rotate('')).toEqual({ kind: 'refused' });
    expect(await tokens.rotate('x'.repeat(43))).toEqual({ kind: 'refused' });
    await tokens.end('x'.repeat(43));
  });

  it('goes with its user', async () => {
    const token = await tokens.begin(userId);
    await tables().deleteFrom('users').where('user_id', '=', userId).execute();
    expect(await tokens.rotate(token)).toEqual({ kind: 'refused' });
  });
});

describe('what has expired', () => {
  it('is deleted as new tokens come, more of it than comes; a session goes with the last of its tokens', async () => {
    const live = await rotated(await tokens.begin(userId));
    const gone = randomUUID();
    await tables().insertInto('users').values({ user_id: gone, name: gone, password_hash: 'none' }).execute();
    for (let count = 0; count < 25; count += 1) await tokens.begin(gone);
    await age(gone, REFRESH_TOKEN_S + HOUR_S);
    await age(userId, REFRESH_TOKEN_S - 60);
    const next = await rotated(live);
    expect(await rowsOf(gone)).toMatchObject({ families: 5 });
    await rotated(next);
    expect(await rowsOf(gone)).toEqual({ families: 0, tokens: [] });
    expect((await rowsOf(userId)).tokens).toHaveLength(4);
  });

  it('is not deleted while its session lives on', async () => {
    const first = await tokens.begin(userId);
    await age(userId, REFRESH_TOKEN_S - 5);
    const second = await rotated(first);
    await sql`UPDATE refresh_tokens SET expires_at = clock_timestamp() - interval '2 hours' WHERE used_at IS NOT NULL`.execute(database.db);
    await tokens.begin(userId);
    expect((await tokens.rotate(second)).kind).toBe('rotated');
  });
});
