// Receipts: what a 202 promises. The row is written before the 202 is answered, so that any instance can say `pending`; whoever
// decides the command writes into it what leaves no event. An outcome that is stored stands in the log, and counts before a receipt.
import type { ColumnType, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { AccountId, CommandId } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';
import type { LedgerDb } from '../postgres/pool.ts';

/** `rejected`: refused without a trace in the log, until it is sent again. `dead`: its message is among the dead letters. */
export type ReceiptState = 'pending' | 'applied' | 'rejected' | 'dead';

/** Why a command was refused, and the request in which it was. */
export interface ReceiptProblem extends Pick<Rejection, 'code' | 'detail' | 'fields'> {
  readonly correlationId: string;
}

export interface ReceiptsTable {
  command_id: CommandId;
  account_id: AccountId;
  owner_id: string | null;
  command_hash: string;
  state: ReceiptState;
  problem: ColumnType<ReceiptProblem | null, string | null, string | null>;
  created_at: ColumnType<string, undefined, never>;
  updated_at: ColumnType<string, undefined, string>;
}

/** A command as a receipt knows it. */
export interface ReceiptedCommand {
  readonly commandId: CommandId;
  /** Of the whole command: the same id with another hash is another command under a key that was used. */
  readonly commandHash: string;
  readonly accountId: AccountId;
  /** The user who sent it, and who may ask for it; absent where it was sent for the house. */
  readonly ownerId?: string;
}

export interface Receipt extends ReceiptedCommand {
  readonly state: ReceiptState;
  /** There if and only if it was refused or dead-lettered. */
  readonly problem?: ReceiptProblem;
  /** RFC 3339, by Postgres' clock. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What became of a command. */
export type Settlement = { readonly state: 'applied' } | { readonly state: 'rejected' | 'dead'; readonly problem: ReceiptProblem };

export interface Receipts {
  /**
   * Writes the receipt that a 202 stands on. For a command that is yet to be published it is `pending` from here on, also where
   * an earlier attempt was refused; for one that is published already, what was written about it since stands.
   * A refusal that the log does not keep leaves its key free: another command may have it then.
   * @returns the receipt as it is now; undefined where the key was used for another command (`idempotency_key_reused`).
   */
  create(command: ReceiptedCommand, options: { readonly isPublished: boolean }): Promise<Receipt | undefined>;
  /**
   * Writes down what became of the command; to be awaited before its message is acknowledged. A receipt is made where there is none
   * yet: the one who waits for the answer may be about to give up and to answer 202. That of another command is left alone.
   */
  settle(command: ReceiptedCommand, settlement: Settlement): Promise<void>;
  /** Writes into a pending receipt that the command's message is among the dead letters, where nothing more of it could be read. */
  bury(commandId: CommandId, problem: ReceiptProblem): Promise<void>;
  find(commandId: CommandId): Promise<Receipt | undefined>;
}

function toReceipt(row: Selectable<ReceiptsTable>): Receipt {
  const { command_id: commandId, command_hash: commandHash, account_id: accountId, owner_id: ownerId, state, problem } = row;
  const times = { createdAt: row.created_at, updatedAt: row.updated_at };
  return { commandId, commandHash, accountId, ...(ownerId !== null && { ownerId }), state, ...(problem && { problem }), ...times };
}

/** The receipts in the database. Every function throws the database's error where Postgres is away: then there is no receipt. */
export function makeReceipts(ledgerDb: LedgerDb): Receipts {
  const db = ledgerDb.withTables<{ receipts: ReceiptsTable }>();
  const now = sql<string>`clock_timestamp()`;
  const named = ({ commandId, commandHash, accountId, ownerId }: ReceiptedCommand) => ({
    command_id: commandId,
    command_hash: commandHash,
    account_id: accountId,
    owner_id: ownerId ?? null,
  });
  /** Whether the receipt is the command's: it is the same command, or the one before was refused and has left the key free. */
  const isFor = ({ commandHash }: ReceiptedCommand) =>
    sql<boolean>`receipts.command_hash = ${commandHash} OR receipts.state IN ('rejected', 'dead')`;
  const isSame = sql`receipts.command_hash = excluded.command_hash`;

  return {
    async create(command, { isPublished }) {
      const row = await db
        .insertInto('receipts')
        .values({ ...named(command), state: 'pending' })
        .onConflict((conflict) =>
          conflict
            .column('command_id')
            .doUpdateSet({
              ...named(command),
              // What was applied is not undone by asking again.
              ...(isPublished
                ? {
                    state: sql<ReceiptState>`CASE WHEN ${isSame} THEN receipts.state ELSE 'pending' END`,
                    problem: sql<string | null>`CASE WHEN ${isSame} THEN receipts.problem END`,
                  }
                : { state: sql<ReceiptState>`CASE receipts.state WHEN 'applied' THEN 'applied' ELSE 'pending' END`, problem: null }),
              updated_at: now,
            })
            .where(isFor(command)),
        )
        .returningAll()
        .executeTakeFirst();
      return row && toReceipt(row);
    },
    async settle(command, settlement) {
      const { state } = settlement;
      const problem = settlement.state === 'applied' ? null : JSON.stringify(settlement.problem);
      await db
        .insertInto('receipts')
        .values({ ...named(command), state, problem })
        .onConflict((conflict) =>
          conflict
            .column('command_id')
            .doUpdateSet({ ...named(command), state, problem, updated_at: now })
            .where(isFor(command)),
        )
        .execute();
    },
    async bury(commandId, problem) {
      await db
        .updateTable('receipts')
        .set({ state: 'dead', problem: JSON.stringify(problem), updated_at: now })
        .where('command_id', '=', commandId)
        .where('state', '=', 'pending')
        .execute();
    },
    async find(commandId) {
      const row = await db.selectFrom('receipts').selectAll().where('command_id', '=', commandId).executeTakeFirst();
      return row && toReceipt(row);
    },
  };
}
