// Events as tests write them: the parts that matter in the call, the rest drawn here.
import { randomUUID } from 'node:crypto';
import type { EventMetadata, StoredEvent } from '../../src/domain/events.ts';
import type { AccountId, AssetCode, CommandId } from '../../src/domain/ids.ts';
import { AccountIdSchema, AssetCodeSchema, CommandIdSchema } from '../../src/domain/ids.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';

export const newAccountId = (): AccountId => AccountIdSchema.parse(randomUUID());
export const newCommandId = (): CommandId => CommandIdSchema.parse(randomUUID());
export const assetCode = (code: string): AssetCode => AssetCodeSchema.parse(code);
export const USD = assetCode('USD');
export const BTC = assetCode('BTC');

export function newEvent(event: StoredEvent, metadata: Partial<EventMetadata> = {}): NewEvent {
  const eventId = randomUUID();
  return {
    eventId,
    event,
    metadata: {
      key: `key-${eventId}`,
      commandId: newCommandId(),
      commandHash: 'ab'.repeat(32),
      correlationId: eventId,
      causationId: eventId,
      actor: 'tester',
      transport: 'rest',
      occurredAt: '2026-01-31T12:00:00.000Z',
      ...metadata,
    },
  };
}

export const opened = (fields: Partial<Extract<StoredEvent, { type: 'account-opened' }>> = {}): StoredEvent => ({
  type: 'account-opened',
  version: 1,
  limits: [],
  ...fields,
});
type MoneyFields = Partial<Extract<StoredEvent, { type: 'deposited' }>>;
export const deposited = (amount: string, { asset = USD, ...fields }: Omit<MoneyFields, 'type'> = {}): StoredEvent => ({
  type: 'deposited',
  version: 1,
  asset,
  amount,
  balances: [],
  ...fields,
});
export const withdrawn = (amount: string, { asset = USD, ...fields }: Omit<MoneyFields, 'type'> = {}): StoredEvent => ({
  type: 'withdrawn',
  version: 1,
  asset,
  amount,
  balances: [],
  ...fields,
});
export const coinUpdated = (quantity: string, asset: AssetCode = BTC): StoredEvent => ({
  type: 'coin-updated',
  version: 1,
  asset,
  quantity,
  balances: [],
});
export const coinRemoved = (quantity: string, asset: AssetCode = BTC): StoredEvent => ({
  type: 'coin-removed',
  version: 1,
  asset,
  quantity,
  balances: [],
});
export const rejected = (code = 'insufficient_funds', commandType = 'withdraw'): StoredEvent => ({
  type: 'command-rejected',
  version: 1,
  commandType,
  code,
  detail: 'not enough',
  fields: { asset: 'USD' },
});

/** All that comes, to the end. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

/** Resolves when `isTrue` is. A test that waits for what never comes ends by its own timeout. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 10));
}
