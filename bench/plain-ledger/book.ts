// The book of the plain ledger: every command is one call of a function in Postgres, and one round trip.
import { hash } from 'node:crypto';
import type pg from 'pg';
import type { z } from 'zod';
import { canonicalDecimal } from '../../src/domain/amounts.ts';
import type { MoneyBody } from '../../src/domain/commands.ts';
import type { CommandId } from '../../src/domain/ids.ts';

export interface Movement {
  readonly type: 'deposit' | 'withdraw';
  readonly accountId: string;
  readonly body: z.output<typeof MoneyBody>;
  /** Signed, at the asset's scale. */
  readonly amount: string;
  readonly commandId: CommandId;
  readonly requestId: string;
}

/** Amounts are decimal strings at the asset's scale. */
export interface Booked {
  readonly outcome: 'applied' | 'insufficient_funds' | 'account_not_found' | 'key_reused';
  /** An earlier command with the key made the outcome. */
  readonly hit: boolean;
  readonly entry_id: string | null;
  readonly available: string;
  readonly held: string;
  /** Of the request that was refused first. */
  readonly request_id: string | null;
}

export interface Book {
  /** False where the account was there already. */
  open(accountId: string): Promise<boolean>;
  /** Books the movement once; durable when it resolves. */
  move(movement: Movement): Promise<Booked>;
  balance(accountId: string, asset: string): Promise<{ readonly available: string; readonly held: string } | undefined>;
}

const BOOK = 'SELECT * FROM book($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)';
const BALANCE = 'SELECT available, held FROM balances WHERE account_id = $1 AND asset = $2';

export function makeBook(pool: pg.Pool): Book {
  return {
    async open(accountId) {
      const { rowCount } = await pool.query('INSERT INTO accounts VALUES ($1) ON CONFLICT DO NOTHING', [accountId]);
      return rowCount === 1;
    },
    async move(movement) {
      const { accountId, body, amount, commandId, requestId } = movement;
      const { asset, effectiveAt = null, reference = null, externalId = null, metadata } = body;
      const said = metadata === undefined ? null : JSON.stringify(metadata);
      const values = [accountId, asset, amount, commandId, hashOf(movement), requestId, effectiveAt, reference, externalId, said];
      const { rows } = await pool.query<Booked>({ name: 'book', text: BOOK, values });
      const [booked] = rows;
      if (booked === undefined) throw new Error('the function answers with one row');
      return booked;
    },
    async balance(accountId, asset) {
      const { rows } = await pool.query<{ available: string; held: string }>({
        name: 'balance',
        text: BALANCE,
        values: [accountId, asset],
      });
      return rows[0];
    },
  };
}

/** What makes two commands under one key the same; the account is part of the key. */
function hashOf({ type, body }: Movement): Buffer {
  const { asset, amount, reference, externalId, effectiveAt, metadata } = body;
  const said = JSON.stringify([type, asset, canonicalDecimal(amount), reference, externalId, effectiveAt, metadata]);
  return hash('sha256', said, 'buffer');
}
