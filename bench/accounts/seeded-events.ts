// Events of a seeded account, with the balances that they leave.
import { formatMinor } from '../../src/domain/amounts.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { AssetCodeSchema, HoldIdSchema, OrderIdSchema } from '../../src/domain/ids.ts';

const USD = AssetCodeSchema.parse('USD');
const EUR = AssetCodeSchema.parse('EUR');

export const opened = (): StoredEvent => ({ type: 'account-opened', version: 1, limits: [] });

const balancesAre = (availableMinor: bigint, heldMinor: bigint) => [
  { asset: USD, available: formatMinor(availableMinor, 2), held: formatMinor(heldMinor, 2) },
];

/** A deposit of 100.00 after which the account has that many of them. */
export const deposited = (times: number): StoredEvent => ({
  type: 'deposited',
  version: 1,
  asset: USD,
  amount: '100.00',
  balances: balancesAre(BigInt(times) * 10_000n, 0n),
});

/** What came and went on an account of 100.00: a hold placed and released, an order placed and cancelled, in turns. `madeBy` made what `n` ends. */
export function cameAndWent(n: number, eventId: string, madeBy: string): StoredEvent {
  const ten = { version: 1 as const, asset: USD, amount: '10.00' };
  const none = { filledIn: '0.00', filledOut: '0.00' };
  switch (n % 4) {
    case 0:
      return { ...ten, type: 'hold-placed', holdId: HoldIdSchema.parse(eventId), placedBy: 'user', balances: balancesAre(9_000n, 1_000n) };
    case 1:
      return { ...ten, type: 'hold-released', holdId: HoldIdSchema.parse(madeBy), balances: balancesAre(10_000n, 0n) };
    case 2:
      return {
        ...none,
        type: 'order-placed',
        version: 1,
        orderId: OrderIdSchema.parse(eventId),
        orderType: 'MARKET',
        tokenIn: USD,
        tokenOut: EUR,
        amountIn: '10.00',
        balances: balancesAre(9_000n, 1_000n),
      };
    default:
      return { ...ten, ...none, type: 'order-cancelled', orderId: OrderIdSchema.parse(madeBy), balances: balancesAre(10_000n, 0n) };
  }
}
