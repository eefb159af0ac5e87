// Clients: machines that act with a role of their own. Over REST one comes with its secret; over RabbitMQ it is the broker user of the
// same name, whom the broker has checked.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import { Uuid } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { Role } from './roles.ts';
import { identityTables } from './tables.ts';

/**
 * What a client may be called: what a RabbitMQ user may be called without being quoted anywhere. No UUID: that would be the UUID
 * the client acts under, and could be a user's.
 */
export const ClientIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 of letters, digits, `.`, `_` and `-`')
  .refine((id) => !Uuid.safeParse(id).success, 'no UUID: those stand for users');

/** 256 bits of chance: nobody guesses one, however fast the hash. */
const SECRET_BYTES = 32;

export interface Client {
  readonly clientId: string;
  readonly role: Role;
}

/** Times are RFC 3339, by Postgres' clock. */
export interface ListedClient extends Client {
  readonly createdAt: string;
  readonly revokedAt?: string;
}

/** Every function throws the database's error where Postgres is away. */
export interface Clients {
  /**
   * Makes a client. An id is never given twice, not even one that was revoked: events name who acted by a UUID made of it.
   * @param clientId as ClientIdSchema wants it; anything else throws.
   * @returns the secret, shown once and kept nowhere; undefined where the id is taken
   */
  create(clientId: string, role: Role): Promise<string | undefined>;
  /**
   * From here on the client gets no more tokens, and its messages are refused; a token that it has is good until it expires.
   * Again: nothing changes. @returns false where there is no such client
   */
  revoke(clientId: string): Promise<boolean>;
  /** By their ids; the revoked among them. */
  list(): Promise<readonly ListedClient[]>;
  /** The client, where the secret is right and it is not revoked. */
  authenticate(clientId: string, secret: string): Promise<Client | undefined>;
  /** The client of that id that is not revoked. */
  find(clientId: string): Promise<Client | undefined>;
}

/**
 * SHA-256, once. A slow hash makes guessing dear where there are few guesses, as with passwords; among 2^256 secrets there is nothing
 * to guess, and machines may ask for tokens often.
 */
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The clients in the database. */
export function makeClients(ledgerDb: LedgerDb): Clients {
  const db = identityTables(ledgerDb);
  const isClientId = (text: string): boolean => ClientIdSchema.safeParse(text).success;
  const rowOf = (clientId: string) =>
    isClientId(clientId)
      ? db
          .selectFrom('clients')
          .select(['client_id as clientId', 'role', 'secret_hash'])
          .where('client_id', '=', clientId)
          .where('revoked_at', 'is', null)
          .executeTakeFirst()
      : undefined;

  return {
    async create(clientId, role) {
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const row = await db
        .insertInto('clients')
        .values({ client_id: ClientIdSchema.parse(clientId), role, secret_hash: hashOf(secret) })
        .onConflict((conflict) => conflict.column('client_id').doNothing())
        .returning('client_id')
        .executeTakeFirst();
      return row && secret;
    },
    async revoke(clientId) {
      if (!isClientId(clientId)) return false;
      const row = await db
        .updateTable('clients')
        .set({ revoked_at: sql<string>`COALESCE(revoked_at, clock_timestamp())` })
        .where('client_id', '=', clientId)
        .returning('client_id')
        .executeTakeFirst();
      return row !== undefined;
    },
    async list() {
      const rows = await db.selectFrom('clients').select(['client_id', 'role', 'created_at', 'revoked_at']).orderBy('client_id').execute();
      return rows.map(({ client_id: clientId, role, created_at: createdAt, revoked_at: revokedAt }) => ({
        clientId,
        role,
        createdAt,
        ...(revokedAt !== null && { revokedAt }),
      }));
    },
    async authenticate(clientId, secret) {
      const given = hashOf(secret);
      const row = await rowOf(clientId);
      // The hashes differ in an unforeseeable place, and yet: nothing of a secret is compared in a time that depends on it.
      return row && timingSafeEqual(given, row.secret_hash) ? { clientId: row.clientId, role: row.role } : undefined;
    },
    async find(clientId) {
      const row = await rowOf(clientId);
      return row && { clientId: row.clientId, role: row.role };
    },
  };
}
