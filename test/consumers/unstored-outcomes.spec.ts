import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import type { CommandEnvelope } from '../../src/commands/bus.ts';
import { commandHashOf } from '../../src/commands/idempotency.ts';
import { keepInReceipts } from '../../src/consumers/unstored-outcomes.ts';
import { AccountCommandSchema } from '../../src/domain/commands.ts';
import { AccountIdSchema, commandIdOf } from '../../src/domain/ids.ts';
import { rejection } from '../../src/domain/rejections.ts';
import { makeReceipts } from '../../src/identity/receipts.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres } from '../stack/postgres.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const server = opened.adopt(await startPostgres(), ({ close }) => close());
const database = opened.adopt(openDatabase(server.url), ({ close }) => close());
await migrate(database.db, 'identity');
const receipts = makeReceipts(database.db);
const owners = new Map<string, string>();
const keep = keepInReceipts(receipts, async (accountId) => {
  const ownerId = owners.get(accountId);
  return ownerId === undefined ? undefined : { ownerId };
});

/** A withdrawal from somebody's account. */
function withdrawal(ownerId: string) {
  const accountId = AccountIdSchema.parse(randomUUID());
  owners.set(accountId, ownerId);
  const command = AccountCommandSchema.parse({ type: 'withdraw', accountId, asset: 'USD', amount: '1.00' });
  const commandId = commandIdOf(accountId, 'k');
  const sentBy = (userId: string): CommandEnvelope => ({
    command,
    key: 'k',
    actor: userId,
    onlyOwner: userId,
    transport: 'amqp',
    correlationId: 'c',
    dryRun: false,
  });
  return { commandId, accountId, sentBy, commandHash: commandHashOf(command) };
}

test('a refusal that the log does not keep is in the receipt', async () => {
  const [ownerId, refusal] = [randomUUID(), rejection('idempotency_key_reused', 'Another command has it.')];
  const { commandId, sentBy, ...command } = withdrawal(ownerId);
  await receipts.create({ ...command, commandId, ownerId }, { isPublished: true });
  await keep({ commandId, envelope: sentBy(ownerId), ending: 'refused', refusal });
  expect(await receipts.find(commandId)).toMatchObject({ state: 'rejected', ownerId, problem: { code: 'idempotency_key_reused' } });
});

test('who sends another’s command, by the same key, takes nothing from their receipt', async () => {
  const ownerId = randomUUID();
  const { commandId, sentBy, ...command } = withdrawal(ownerId);
  const receipt = await receipts.create({ ...command, commandId, ownerId }, { isPublished: true });
  const refusal = rejection('account_not_found', 'No account.');
  await keep({ commandId, envelope: sentBy(randomUUID()), ending: 'refused', refusal });
  expect(await receipts.find(commandId)).toEqual(receipt);
});
