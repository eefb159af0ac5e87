// What the specs of the ledger's own work share: a command stack, buses that go wrong on purpose, and what the log says in the end.
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { expect } from 'vitest';
import type { CommandAnswer, CommandBus, CommandEnvelope } from '../../src/commands/bus.ts';
import { makeInProcessBus } from '../../src/commands/in-process-bus.ts';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId, CommandId } from '../../src/domain/ids.ts';
import { CommandIdSchema } from '../../src/domain/ids.ts';
import type { RejectionCode } from '../../src/domain/rejections.ts';
import { rejection } from '../../src/domain/rejections.ts';
import { unequalBooks } from '../../src/projections/balances.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import type { ProjectedPosition } from '../../src/projections/position.ts';
import { watchPosition } from '../../src/projections/position.ts';
import { until } from '../eventstore/new-events.ts';
import { senderOf } from './bus-contract.ts';
import type { CommandStack } from './command-stack.ts';
import { startCommandStack } from './command-stack.ts';

export type SendingBus = Pick<CommandBus, 'send'>;
export const logger = pino({ level: process.env['LEDGER_TEST_LOG'] ?? 'silent' });

export interface InternalWork extends ReturnType<typeof senderOf> {
  readonly stack: CommandStack;
  readonly bus: SendingBus;
  readonly position: ProjectedPosition;
  /** An account with so much USD. */
  funded(amount: string): Promise<AccountId>;
  /** Applies the command under a key of its own. @returns what it made. */
  apply(accountId: AccountId, type: string, body?: object): Promise<Readonly<Record<string, string>>>;
  /** The account's events, first to last. */
  events(accountId: AccountId): Promise<RecordedEvent[]>;
  types(accountId: AccountId): Promise<string[]>;
  /** Waits until everything in the log is projected. */
  projected(): Promise<void>;
  /** Waits until nothing is in transit, and expects the books to balance. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export async function startInternalWork(): Promise<InternalWork> {
  const stack = await startCommandStack();
  const bus = makeInProcessBus(stack.commands);
  const position = watchPosition(stack.database);
  const sender = senderOf(() => bus);
  const { db } = stack.database;

  async function events(accountId: AccountId): Promise<RecordedEvent[]> {
    const all: RecordedEvent[] = [];
    for await (const recorded of stack.store.streams.read(accountStream(accountId), 0n)) all.push(recorded);
    return all;
  }
  async function apply(accountId: AccountId, type: string, body: object = {}): Promise<Readonly<Record<string, string>>> {
    const answer = await sender.send(sender.to(accountId, type, { ...body }), randomUUID());
    if (answer.status === 'rejected') throw new Error(`${type}: ${answer.rejection.detail}`);
    return answer.result;
  }
  const projected = async (): Promise<void> => {
    const head = (await stack.store.streams.head())?.position ?? -1n;
    await until(async () => (await readCheckpoint(db)).position >= head);
  };
  const isInTransit = async (): Promise<boolean> =>
    (await db.selectFrom('transfers').select('transfer_id').where('state', '=', 'pending').executeTakeFirst()) !== undefined;
  return {
    ...sender,
    stack,
    bus,
    position,
    funded: async (amount) => {
      const accountId = await sender.open();
      await apply(accountId, 'deposit', { asset: 'USD', amount });
      return accountId;
    },
    apply,
    events,
    types: async (accountId) => (await events(accountId)).map(({ event }) => event.type),
    projected,
    settled: async () => {
      await projected();
      await until(async () => !(await isInTransit()));
      expect(
        await db
          .selectFrom('system_balances')
          .select('asset')
          .where('system_account', '=', '@transit')
          .where('balance', '<>', '0')
          .execute(),
      ).toEqual([]);
      expect(await unequalBooks(db)).toEqual([]);
    },
    close: async () => {
      await position.close();
      await stack.close();
    },
  };
}

const NO_COMMAND: CommandId = CommandIdSchema.parse('00000000-0000-0000-0000-000000000000');
/** An answer that says nothing was stored, or that nobody knows. */
export const refusal = (code: RejectionCode): CommandAnswer => ({
  status: 'rejected',
  hit: false,
  commandId: NO_COMMAND,
  rejection: rejection(code, 'made up by a test'),
});

/** A bus on which `interfere` may answer instead; what it leaves alone goes on to `bus`. Remembers the keys of all that was sent. */
export function interferedBus(
  bus: SendingBus,
  interfere: (envelope: CommandEnvelope) => CommandAnswer | undefined | Promise<CommandAnswer | undefined> = () => undefined,
): SendingBus & { readonly sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    send: async (envelope) => {
      sent.push(envelope.key);
      return (await interfere(envelope)) ?? (await bus.send(envelope));
    },
  };
}
