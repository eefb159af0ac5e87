// Statistics: how many events of each type, how much they moved, and how many things are in each status.
import type { StoredEvent } from '../../domain/events.ts';
import { absolute, amountFrom, decimalOf } from './decimals.ts';

/** By type and detail: how many, and the sum of the amounts whatever their sign, in minor units with its decimals. */
export interface Statistics {
  count(event: StoredEvent): void;
  /** Under `type detail`: the count, and the volume as a decimal string. Nothing that is zero. */
  lines(): ReadonlyMap<string, string>;
}

interface Sum {
  events: bigint;
  volume: bigint;
  scale: number;
}

/** Things begin and end by these events, in this status. */
const BEGINS: Readonly<Partial<Record<StoredEvent['type'], readonly [kind: string, status: string]>>> = {
  'hold-placed': ['@holds', 'open'],
  'order-placed': ['@orders', 'pending'],
  'transfer-sent': ['@transfers', 'pending'],
};

function endOf(event: StoredEvent): readonly [kind: string, from: string, to: string] | undefined {
  if (event.type === 'hold-captured') return amountFrom(event.remaining).minor === 0n ? ['@holds', 'open', 'captured'] : undefined;
  if (event.type === 'hold-released') return ['@holds', 'open', 'released'];
  if (event.type === 'hold-expired') return ['@holds', 'open', 'expired'];
  if (event.type === 'order-filled') return event.orderStatus === 'executed' ? ['@orders', 'pending', 'executed'] : undefined;
  if (event.type === 'order-cancelled') return ['@orders', 'pending', 'cancelled'];
  if (event.type === 'order-expired') return ['@orders', 'pending', 'expired'];
  if (event.type === 'transfer-completed') return ['@transfers', 'pending', 'completed'];
  return event.type === 'transfer-returned' ? ['@transfers', 'pending', 'returned'] : undefined;
}

/** What the event is counted under, and the amounts it adds there. */
function amountsOf(event: StoredEvent): readonly (readonly [detail: string, amount: string])[] {
  if (event.type === 'order-filled') {
    return [
      [event.tokenIn, event.amountIn],
      [event.tokenOut, event.amountOut],
    ];
  }
  if (event.type === 'order-placed') return [[event.tokenIn, event.amountIn]];
  if (event.type === 'coin-updated' || event.type === 'coin-removed') return [[event.asset, event.quantity]];
  if (event.type === 'command-rejected') return [[event.code, '0']];
  if (event.type === 'transfer-refused' || !('amount' in event)) return [['', '0']];
  return [[event.asset, event.amount]];
}

export function makeStatistics(): Statistics {
  const sums = new Map<string, Sum>();
  const add = (type: string, detail: string, events: bigint, amount = '0'): void => {
    const key = `${type} ${detail}`;
    const { minor, scale } = amountFrom(amount);
    const sum = sums.get(key) ?? { events: 0n, volume: 0n, scale };
    sum.events += events;
    sum.volume += absolute(minor);
    sums.set(key, sum);
  };
  return {
    count: (event) => {
      add('@events', '', 1n);
      for (const [detail, amount] of amountsOf(event)) add(event.type, detail, 1n, amount);
      const begins = BEGINS[event.type];
      if (begins !== undefined) add(...begins, 1n);
      const [kind, from, to] = endOf(event) ?? [];
      if (kind === undefined || from === undefined || to === undefined) return;
      add(kind, from, -1n);
      add(kind, to, 1n);
    },
    lines: () =>
      new Map(
        [...sums].flatMap(([key, { events, volume, scale }]) =>
          events === 0n ? [] : [[key, `${events} ${decimalOf(volume, scale)}`] as const],
        ),
      ),
  };
}
