// Events as tests write them: the parts that matter in the call, the rest drawn here.
import { randomUUID } from 'node:crypto';
import type { EventMetadata, StoredEvent } from '../../src/domain/events.ts';
import type { AccountId, AssetCode, CommandId, HoldId, OrderId } from '../../src/domain/ids.ts';
import { AccountIdSchema, AssetCodeSchema, CommandIdSchema, HoldIdSchema, OrderIdSchema } from '../../src/domain/ids.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';

export const newAccountId = (): AccountId => AccountIdSchema.parse(randomUUID());
export const newCommandId = (): CommandId => CommandIdSchema.parse(randomUUID());
export const newHoldId = (): HoldId => HoldIdSchema.parse(randomUUID());
export const newOrderId = (): OrderId => OrderIdSchema.parse(randomUUID());
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

type FieldsOf<Type extends StoredEvent['type']> = Partial<Omit<Extract<StoredEvent, { type: Type }>, 'type'>>;
export const holdPlaced = (holdId: HoldId, amount: string, fields: FieldsOf<'hold-placed'> = {}): StoredEvent => ({
  type: 'hold-placed',
  version: 1,
  balances: [],
  holdId,
  asset: USD,
  amount,
  placedBy: 'user',
  ...fields,
});
export const holdCaptured = (holdId: HoldId, amount: string, remaining: string, asset: AssetCode = USD): StoredEvent => ({
  type: 'hold-captured',
  version: 1,
  balances: [],
  holdId,
  asset,
  amount,
  remaining,
  capturedBy: 'user',
});
export const holdEnded = (type: 'hold-released' | 'hold-expired', holdId: HoldId, amount: string, asset: AssetCode = USD): StoredEvent => ({
  type,
  version: 1,
  balances: [],
  holdId,
  asset,
  amount,
});

/** Of USD for bitcoins, where nothing else is said. */
export const orderPlaced = (orderId: OrderId, amountIn: string, fields: FieldsOf<'order-placed'> = {}): StoredEvent => ({
  type: 'order-placed',
  version: 1,
  balances: [],
  orderId,
  orderType: 'MARKET',
  tokenIn: USD,
  tokenOut: BTC,
  amountIn,
  filledIn: '0.00',
  filledOut: '0.00000000',
  ...fields,
});
export const orderFilled = (
  orderId: OrderId,
  amountIn: string,
  amountOut: string,
  fields: FieldsOf<'order-filled'> & Pick<Extract<StoredEvent, { type: 'order-filled' }>, 'filledIn' | 'filledOut' | 'orderStatus'>,
): StoredEvent => ({
  type: 'order-filled',
  version: 1,
  balances: [],
  orderId,
  fillId: randomUUID(),
  tokenIn: USD,
  tokenOut: BTC,
  amountIn,
  amountOut,
  ...fields,
});
/** `amount` is what the order still held. */
export const orderEnded = (
  type: 'order-cancelled' | 'order-expired',
  orderId: OrderId,
  amount: string,
  { asset = USD, filledIn = '0.00', filledOut = '0.00000000' }: Omit<FieldsOf<'order-cancelled'>, 'amount'> = {},
): StoredEvent => ({ type, version: 1, balances: [], orderId, asset, amount, filledIn, filledOut });

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
