// Users: a name, a password, and the UUID that stands for them everywhere else. All that the ledger knows of a person is here, so that it
// can be erased.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import type { LedgerDb } from '../postgres/pool.ts';
import type { Passwords } from './passwords.ts';
import { makePasswords } from './passwords.ts';
import { identityTables } from './tables.ts';

/** What a user may be called. ASCII, so that no two names look alike, and capitals are all that two of them can differ in and be the same. */
export const UserNameSchema = z.string().regex(/^[A-Za-z0-9._-]{3,64}$/, '3 to 64 of letters, digits, `.`, `_` and `-`');

const PASSWORD = { shortest: 8, longest: 128 } as const;
/** Any characters; counted in code points, as a schema of JSON counts them. */
export const PasswordSchema = z
  .string()
  .refine((text) => text.isWellFormed() && [...text].length >= PASSWORD.shortest && [...text].length <= PASSWORD.longest, {
    error: `${PASSWORD.shortest} to ${PASSWORD.longest} characters`,
  })
  .meta({ minLength: PASSWORD.shortest, maxLength: PASSWORD.longest, format: 'password' });

export interface User {
  readonly userId: string;
  /** As it was registered. */
  readonly name: string;
}

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

export type Registration =
  | { readonly kind: 'registered'; readonly user: User }
  | { readonly kind: 'taken' }
  /** Nothing was done: too many passwords are being looked at. */
  | { readonly kind: 'overloaded' };

export type LogIn =
  | { readonly kind: 'user'; readonly user: User }
  /** No such user, or another password: it is not said which, and takes the same work. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'overloaded' };

/** Names are the same that differ only in capitals. Every function throws the database's error where Postgres is away. */
export interface Users {
  /** Of several registrations of a name at once, one is `registered`. */
  register(credentials: Credentials): Promise<Registration>;
  logIn(credentials: Credentials): Promise<LogIn>;
  find(userId: string): Promise<User | undefined>;
  findByName(name: string): Promise<User | undefined>;
  /** The identity goes, with its sessions; its UUID stays in the books and stands for nobody. @returns false where there is none */
  erase(userId: string): Promise<boolean>;
}

/** The users in the database. */
export function makeUsers(ledgerDb: LedgerDb, passwords: Passwords = makePasswords()): Users {
  const db = identityTables(ledgerDb);
  const selected = () => db.selectFrom('users').select(['user_id as userId', 'name']);
  const isNamed = (name: string) => sql<boolean>`lower(name) = ${name.toLowerCase()}`;

  /** A log-in is the one moment at which the password is there to be hashed anew. It succeeds all the same where that is not done. */
  async function rehash({ userId }: User, password: string, outdated: string): Promise<void> {
    const fresh = await passwords.hash(password);
    if (fresh === undefined) return;
    await db
      .updateTable('users')
      .set({ password_hash: fresh })
      .where('user_id', '=', userId)
      .where('password_hash', '=', outdated)
      .execute();
  }

  return {
    async register({ name, password }) {
      const taken = { kind: 'taken' } as const;
      // Looked at first, so that asking after names does not keep the hashing busy.
      if (await selected().where(isNamed(name)).executeTakeFirst()) return taken;
      const passwordHash = await passwords.hash(password);
      if (passwordHash === undefined) return { kind: 'overloaded' };
      const user = await db
        .insertInto('users')
        .values({ user_id: randomUUID(), name, password_hash: passwordHash })
        .onConflict((conflict) => conflict.expression(sql`lower(name)`).doNothing())
        .returning(['user_id as userId', 'name'])
        .executeTakeFirst();
      return user ? { kind: 'registered', user } : taken;
    },
    async logIn({ name, password }) {
      const row = await selected().select('password_hash').where(isNamed(name)).executeTakeFirst();
      const verdict = await passwords.verify(password, row?.password_hash);
      if (verdict === undefined) return { kind: 'overloaded' };
      if (row === undefined || !verdict.isRight) return { kind: 'refused' };
      const { userId, name: registered, password_hash: passwordHash } = row;
      const user = { userId, name: registered };
      if (verdict.isOutdated) await rehash(user, password, passwordHash);
      return { kind: 'user', user };
    },
    find: (userId) => selected().where('user_id', '=', userId).executeTakeFirst(),
    findByName: (name) => selected().where(isNamed(name)).executeTakeFirst(),
    async erase(userId) {
      return (await db.deleteFrom('users').where('user_id', '=', userId).returning('user_id').executeTakeFirst()) !== undefined;
    },
  };
}

/** Those of the UUIDs that stand for no user, in their order. */
export async function withoutUser(ledgerDb: LedgerDb, uuids: readonly string[]): Promise<readonly string[]> {
  const found = identityTables(ledgerDb)
    .selectFrom('users')
    .select('user_id')
    .where(sql<string>`user_id::text`, '=', sql<string>`ANY (${uuids})`);
  const users = new Set((await found.execute()).map(({ user_id: userId }) => userId));
  return uuids.filter((uuid) => !users.has(uuid));
}
