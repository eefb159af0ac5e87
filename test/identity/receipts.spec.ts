import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountIdSchema, CommandIdSchema } from '../../src/domain/ids.ts';
import { rejection } from '../../src/domain/rejections.ts';
import type { ReceiptedCommand, ReceiptProblem, Receipts } from '../../src/identity/receipts.ts';
import { makeReceipts } from '../../src/identity/receipts.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres, type TestDatabase } from '../stack/postgres.ts';

let server: TestDatabase;
let database: Database;
let receipts: Receipts;
beforeAll(async () => {
  server = await startPostgres();
  database = openDatabase(server.url);
  await migrate(database.db, 'identity');
  receipts = makeReceipts(database.db);
});
afterAll(async () => {
  await database.close();
  await server.close();
});

const aCommand = (): ReceiptedCommand => ({
  commandId: CommandIdSchema.parse(randomUUID()),
  accountId: AccountIdSchema.parse(randomUUID()),
  commandHash: 'a'.repeat(64),
});
const another = (command: ReceiptedCommand): ReceiptedCommand => ({ ...command, commandHash: 'b'.repeat(64) });
const problem: ReceiptProblem = {
  ...rejection('account_not_found', 'There is no account 7c.', { accountId: '7c' }),
  correlationId: 'request-1',
};

describe('a receipt', () => {
  it('is pending until something becomes of the command', async () => {
    const command = aCommand();
    expect(await receipts.find(command.commandId)).toBeUndefined();
    const created = await receipts.create(command, { isPublished: false });
    expect(created).toMatchObject({ ...command, state: 'pending' });
    expect(created).not.toHaveProperty('problem');
    expect(created?.createdAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(await receipts.find(command.commandId)).toEqual(created);
  });

  it('is one for all who repeat the command', async () => {
    const command = aCommand();
    const all = await Promise.all(Array.from({ length: 8 }, () => receipts.create(command, { isPublished: false })));
    expect(new Set(all.map((receipt) => receipt?.createdAt)).size).toBe(1);
    expect(all.map((receipt) => receipt?.state)).toEqual(all.map(() => 'pending'));
  });

  it('is refused to another command under the same key, and stays as it was', async () => {
    const command = aCommand();
    const created = await receipts.create(command, { isPublished: false });
    expect(await receipts.create(another(command), { isPublished: false })).toBeUndefined();
    expect(await receipts.create(another(command), { isPublished: true })).toBeUndefined();
    await receipts.settle(another(command), { state: 'rejected', problem });
    expect(await receipts.find(command.commandId)).toEqual(created);
  });

  it.each(['rejected', 'dead'] as const)('says why its command is %s, until the command is sent again', async (state) => {
    const command = aCommand();
    await receipts.create(command, { isPublished: false });
    await receipts.settle(command, { state, problem });
    expect(await receipts.find(command.commandId)).toMatchObject({ state, problem });

    const again = await receipts.create(command, { isPublished: false });
    expect(again?.state).toBe('pending');
    expect(again).not.toHaveProperty('problem');
  });

  it('tells what became of the command while its sender still waited', async () => {
    const command = aCommand();
    await receipts.settle(command, { state: 'rejected', problem });
    expect(await receipts.create(command, { isPublished: true })).toMatchObject({ state: 'rejected', problem });
  });

  it('of an applied command stays so, however often it is sent again', async () => {
    const command = aCommand();
    await receipts.settle(command, { state: 'applied' });
    expect((await receipts.create(command, { isPublished: false }))?.state).toBe('applied');
    expect((await receipts.find(command.commandId))?.state).toBe('applied');
  });

  it.each(['rejected', 'dead'] as const)('of a command that is %s leaves its key to another one', async (state) => {
    const first = aCommand();
    await receipts.settle(first, { state, problem });
    const second = { ...another(first), ownerId: randomUUID() };
    expect(await receipts.create(second, { isPublished: true })).toMatchObject({ ...second, state: 'pending' });
    await receipts.settle(second, { state: 'rejected', problem });
    expect(await receipts.create(first, { isPublished: false })).toMatchObject({ ...first, state: 'pending' });
    expect(await receipts.find(first.commandId)).not.toHaveProperty('ownerId');
  });

  it('says that a message which cannot be read is dead, as long as nothing else became of it', async () => {
    const [pending, applied, unknown] = [aCommand(), aCommand(), aCommand()];
    await receipts.create(pending, { isPublished: true });
    await receipts.settle(applied, { state: 'applied' });
    for (const { commandId } of [pending, applied, unknown]) await receipts.bury(commandId, problem);
    expect(await receipts.find(pending.commandId)).toMatchObject({ state: 'dead', problem });
    expect(await receipts.find(applied.commandId)).toMatchObject({ state: 'applied' });
    expect(await receipts.find(unknown.commandId)).toBeUndefined();
  });
});
