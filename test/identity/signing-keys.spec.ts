import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeTokenIssuer } from '../../src/identity/access-tokens.ts';
import { unseal, WrongKeySecret } from '../../src/identity/key-secret.ts';
import type { RotateOptions } from '../../src/identity/signing-keys.ts';
import {
  ACCESS_TOKEN_S,
  listSigningKeys,
  openSigningKeys,
  PUBLISHED_BEFORE_S,
  rotateSigningKeys,
} from '../../src/identity/signing-keys.ts';
import { identityTables } from '../../src/identity/tables.ts';
import { builtInVerifier } from '../../src/identity/token-verifier.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres } from '../stack/postgres.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { decoded } from './forged-tokens.ts';

const TOKENS = { issuer: 'ledgerfold', audience: 'ledgerfold' };
const OTHER_SECRET = 'another secret, which nobody has told the others';

let opened: AsyncDisposableStack;
let url: string;
let database: Database;
beforeEach(async () => {
  opened = new AsyncDisposableStack();
  url = opened.use(await startPostgres()).url;
  database = opened.adopt(openDatabase(url, { maxConnections: 2 }), ({ close }) => close());
  await migrate(database.db, 'identity');
});
afterEach(() => opened.disposeAsync());

/** What a process has of the keys: nothing but the database is shared. */
async function startProcess({ secret = TEST_KEY_SECRET, refreshMs = 20 } = {}) {
  const own = opened.adopt(openDatabase(url, { maxConnections: 2 }), ({ close }) => close());
  const errors: unknown[] = [];
  const keys = await openSigningKeys({ db: own.db, secret, refreshMs, onError: (error) => void errors.push(error) });
  opened.defer(keys.close);
  const verifier = builtInVerifier(keys, TOKENS);
  const issuer = makeTokenIssuer(keys, TOKENS);
  return {
    keys,
    errors,
    database: own,
    issue: async () => (await issuer.issue({ subject: randomUUID(), role: 'user', name: 'alice' })).accessToken,
    verdict: async (token: string) => (await verifier.verify(token)).kind,
  };
}

const rotate = (options?: RotateOptions): Promise<string> => rotateSigningKeys(database.db, TEST_KEY_SECRET, options);
const kidOf = (token: string): unknown => decoded(token.split('.')[0] ?? '')['kid'];
const publishedBy = ({ keys }: Awaited<ReturnType<typeof startProcess>>) => keys.jwks().keys.map(({ kid }) => kid);
/** As if it had all been so many seconds ago. */
async function letPass(seconds: number): Promise<void> {
  const before = (column: 'created_at' | 'signs_from' | 'verifies_until') =>
    sql<string>`${sql.ref(column)} - make_interval(secs => ${seconds})`;
  await identityTables(database.db)
    .updateTable('signing_keys')
    .set({ created_at: before('created_at'), signs_from: before('signs_from'), verifies_until: before('verifies_until') })
    .execute();
}

describe('the first signing key', () => {
  it('is one, however many processes start at a time', async () => {
    const processes = await Promise.all(Array.from({ length: 8 }, () => startProcess()));
    const kids = new Set(processes.map(({ keys }) => keys.signing().kid));
    expect([...kids]).toEqual((await listSigningKeys(database.db)).map(({ kid }) => kid));
    expect(kids.size).toBe(1);
    const token = await processes[0]?.issue();
    expect(await Promise.all(processes.map(({ verdict }) => verdict(token ?? '')))).toEqual(processes.map(() => 'principal'));
  });

  it('signs at once, also where it was made by a rotation', async () => {
    const kid = await rotate();
    expect(kidOf(await (await startProcess()).issue())).toBe(kid);
  });

  it('is sealed in the database, and only its public half is published', async () => {
    const { keys } = await startProcess();
    const row = await identityTables(database.db).selectFrom('signing_keys').selectAll().executeTakeFirstOrThrow();
    const { d, ...rest } = JSON.parse(await unseal(row.sealed_private_jwk, TEST_KEY_SECRET));
    expect(Buffer.from(d, 'base64url')).toHaveLength(32);
    expect(JSON.stringify(row)).not.toContain(d);
    expect(keys.jwks()).toEqual({ keys: [{ ...rest, kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid: row.kid }] });
    await expect(unseal(row.sealed_private_jwk, OTHER_SECRET)).rejects.toThrow(WrongKeySecret);
  });
});

describe('a rotation', () => {
  it('publishes the new key, which signs when all have seen it; what the old one signed is taken until it expires', async () => {
    const [one, another] = [await startProcess(), await startProcess()];
    const before = await one.issue();
    const [oldKid, newKid] = [kidOf(before), await rotate()];
    for (const each of [one, another]) await vi.waitFor(() => expect(publishedBy(each)).toEqual([newKid, oldKid]));

    await letPass(PUBLISHED_BEFORE_S - 30);
    const { generation } = another.keys;
    const late = await another.issue();
    expect(kidOf(late)).toBe(oldKid);
    expect((await listSigningKeys(database.db)).map(({ state }) => state)).toEqual(['coming', 'signing']);

    await letPass(31);
    await vi.waitFor(() => expect([one, another].map(({ keys }) => keys.signing().kid)).toEqual([newKid, newKid]));
    const after = await one.issue();
    expect(kidOf(after)).toBe(newKid);
    for (const token of [before, late, after]) {
      expect(await another.verdict(token)).toBe('principal');
      expect(await (await startProcess()).verdict(token)).toBe('principal');
    }

    // The last that it may have signed is good for so long.
    await letPass(ACCESS_TOKEN_S);
    expect((await listSigningKeys(database.db)).map(({ state }) => state)).toEqual(['signing', 'verifying']);
    const known = generation();
    await letPass(ACCESS_TOKEN_S);
    for (const each of [one, another]) await vi.waitFor(() => expect(publishedBy(each)).toEqual([newKid]));
    expect(generation()).toBeGreaterThan(known);
    expect(await another.verdict(late)).toBe('refused');
    expect(await another.verdict(after)).toBe('principal');
  });

  it('at once is known to the other processes as soon as one of them meets the new key', async () => {
    const another = await startProcess({ refreshMs: 3_600_000 });
    const before = await another.issue();
    const newKid = await rotate({ now: true });
    const one = await startProcess();
    const after = await one.issue();
    expect(kidOf(after)).toBe(newKid);
    await vi.waitFor(async () => expect(await another.verdict(after)).toBe('principal'), { timeout: 10_000 });
    expect(kidOf(await another.issue())).toBe(newKid);
    expect(await one.verdict(before)).toBe('principal');
  });

  it('at once overtakes one that is coming', async () => {
    const process = await startProcess();
    const coming = await rotate();
    const newest = await rotate({ now: true });
    await letPass(PUBLISHED_BEFORE_S + 1);
    await vi.waitFor(() => expect(publishedBy(process)).toHaveLength(3));
    expect(publishedBy(process)).toContain(coming);
    expect(process.keys.signing().kid).toBe(newest);
  });

  it('that revokes the others ends all that they signed, in all processes', async () => {
    const [one, another] = [await startProcess(), await startProcess()];
    await rotate();
    const tokens = [await one.issue(), await another.issue()];
    for (const token of tokens) expect(await another.verdict(token)).toBe('principal');
    const newKid = await rotate({ revokeOthers: true });
    for (const each of [one, another]) {
      await vi.waitFor(() => expect(publishedBy(each)).toEqual([newKid]));
      for (const token of tokens) expect(await each.verdict(token)).toBe('refused');
      expect(await one.verdict(await each.issue())).toBe('principal');
    }
  });

  it.each([[{}], [{ now: true }], [{ revokeOthers: true }]])('with another secret changes nothing: %j', async (options) => {
    const process = await startProcess();
    await expect(rotateSigningKeys(database.db, OTHER_SECRET, options)).rejects.toThrow(WrongKeySecret);
    expect((await listSigningKeys(database.db)).map(({ kid }) => kid)).toEqual([process.keys.signing().kid]);
  });

  it('to a new secret ends what was sealed with the old one, also in a process that still has that', async () => {
    const stale = await startProcess();
    const before = await stale.issue();
    await rotateSigningKeys(database.db, OTHER_SECRET, { newSecret: true });
    const fresh = await startProcess({ secret: OTHER_SECRET });
    await vi.waitFor(() => expect(stale.errors).toContainEqual(expect.any(WrongKeySecret)));
    expect(await stale.verdict(before)).toBe('refused');
    // It cannot sign what anybody takes, and sees what others sign: for that no secret is needed.
    expect(await fresh.verdict(await stale.issue())).toBe('refused');
    expect(await stale.verdict(await fresh.issue())).toBe('principal');
  });
});

describe('a process', () => {
  it('does not start with another secret than that of the keys', async () => {
    await startProcess();
    await expect(startProcess({ secret: OTHER_SECRET })).rejects.toThrow(/another key secret.*keys rotate --new-secret/s);
  });

  it('goes on with the keys that it knows while Postgres is away, and says nothing of others', async () => {
    const [one, another] = [await startProcess(), await startProcess({ refreshMs: 3_600_000 })];
    const known = await one.issue();
    await rotate({ now: true });
    await vi.waitFor(() => expect(publishedBy(one)).toHaveLength(2));
    const unknown = await one.issue();
    await another.database.close();
    await vi.waitFor(async () => expect(await another.verdict(unknown)).toBe('unavailable'), { timeout: 10_000 });
    expect(another.errors.length).toBeGreaterThan(0);
    expect(await another.verdict(known)).toBe('principal');
  });
});
