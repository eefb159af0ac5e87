// Commands that the ledger has to refuse: each case with the one code that is right, and whether the refusal is kept in the log.
import type { ProblemCode } from '@ledgerfold/client';
import { amountOf, LARGEST_MINOR, MONEY } from './money.ts';
import { leastOutMinor } from './order-prices.ts';
import type { CommandDraft, Planning } from './planning.ts';
import { command } from './planning.ts';

interface Case {
  readonly doom: string;
  readonly code: ProblemCode;
  /** Whether the refusal is an event of the account, under its key. */
  readonly isStored: boolean;
  /** Undefined where what it needs is not there yet. */
  make(planning: Planning): CommandDraft | undefined;
}

const TOO_MANY = 10n ** 30n;
/** More of an asset than there is in all accounts together. */
const tooMuch = ({ chance }: Planning, asset: keyof typeof LARGEST_MINOR): string =>
  amountOf(asset, TOO_MANY * LARGEST_MINOR[asset] + chance.between(0n, LARGEST_MINOR[asset]));

export const DOOMED: readonly Case[] = [
  {
    doom: 'withdraw-too-much',
    code: 'insufficient_funds',
    isStored: true,
    make: (planning) => {
      const asset = planning.chance.pick(MONEY);
      const isForBroker = planning.chance.percent(50);
      const action = { type: 'withdraw', asset, amount: tooMuch(planning, asset) } as const;
      return command(planning, { account: planning.anybody(), action, isForBroker });
    },
  },
  {
    doom: 'hold-too-much',
    code: 'insufficient_funds',
    isStored: true,
    make: (planning) =>
      command(planning, {
        account: planning.anybody(),
        action: { type: 'place-hold', asset: 'EUR', amount: tooMuch(planning, 'EUR') },
      }),
  },
  {
    doom: 'take-too-many-coins',
    code: 'insufficient_funds',
    isStored: true,
    make: (planning) =>
      command(planning, {
        account: planning.anybody(),
        action: { type: 'update-coin', symbol: 'btcusdt', quantity: `-${tooMuch(planning, 'BTC')}` },
      }),
  },
  {
    doom: 'capture-too-much',
    code: 'insufficient_held',
    isStored: true,
    make: (planning) => {
      const hold = planning.holds.take();
      if (hold === undefined) return undefined;
      planning.holds.put(hold);
      const { account, asset, remainingMinor, strand } = hold;
      const action = { type: 'capture-hold', hold: 'of-strand', amount: amountOf(asset, remainingMinor + 1n) } as const;
      return command(planning, { account, action, strand: { id: strand, place: 'continues' } });
    },
  },
  {
    doom: 'fill-below-price',
    code: 'price_not_met',
    isStored: true,
    make: (planning) => {
      const order = planning.orders.take();
      if (order === undefined) return undefined;
      planning.orders.put(order);
      const { account, limit, leftMinor, orderType, strand } = order;
      if (orderType === 'MARKET') return undefined;
      const action = {
        type: 'fill-order',
        order: 'of-strand',
        amountIn: amountOf(limit.tokenIn, leftMinor),
        amountOut: amountOf(limit.tokenOut, leastOutMinor(limit, leftMinor) - 1n),
      } as const;
      return command(planning, { account, sender: 'operator', action, strand: { id: strand, place: 'continues' } });
    },
  },
  {
    doom: 'order-closed',
    code: 'order_not_open',
    isStored: true,
    make: (planning) => closedAgain(planning, 'cancel-order'),
  },
  {
    doom: 'hold-closed',
    code: 'hold_not_open',
    isStored: true,
    make: (planning) => closedAgain(planning, 'release-hold'),
  },
  {
    doom: 'no-such-order',
    code: 'order_not_found',
    isStored: true,
    make: (planning) =>
      command(planning, { account: planning.anybody(), action: { type: 'cancel-order', order: { id: planning.chance.uuid() } } }),
  },
  {
    doom: 'no-such-hold',
    code: 'hold_not_found',
    isStored: true,
    make: (planning) =>
      command(planning, { account: planning.anybody(), action: { type: 'release-hold', hold: { id: planning.chance.uuid() } } }),
  },
  {
    doom: 'no-such-recipient',
    code: 'recipient_not_found',
    isStored: true,
    make: (planning) => {
      const action = { type: 'transfer', to: planning.chance.uuid(), asset: 'USD', amount: planning.amount('USD') } as const;
      return command(planning, { account: planning.anybody(), action });
    },
  },
  {
    doom: 'to-oneself',
    code: 'same_account',
    isStored: true,
    make: (planning) => {
      const account = planning.anybody();
      return command(planning, { account, action: { type: 'transfer', to: account, asset: 'USD', amount: planning.amount('USD') } });
    },
  },
  {
    doom: 'unknown-asset',
    code: 'unknown_asset',
    isStored: false,
    make: (planning) =>
      command(planning, {
        account: planning.anybody(),
        action: { type: 'withdraw', asset: 'NOSUCHASSET', amount: planning.amount('USD') },
      }),
  },
  {
    doom: 'too-many-decimals',
    code: 'invalid_amount',
    isStored: false,
    make: (planning) =>
      command(planning, {
        account: planning.anybody(),
        action: { type: 'withdraw', asset: 'USD', amount: `${planning.amount('USD')}5` },
      }),
  },
  {
    doom: 'limit-without-price',
    code: 'malformed_request',
    isStored: false,
    make: (planning) => {
      const amountIn = planning.amount('USD');
      const action = { type: 'place-order', orderType: 'LIMIT', tokenIn: 'USD', tokenOut: 'BTC', amountIn } as const;
      return command(planning, { account: planning.anybody(), action });
    },
  },
  {
    doom: 'key-of-another-command',
    code: 'idempotency_key_reused',
    isStored: false,
    make: (planning) => {
      const first = planning.repeatable.take();
      if (first === undefined) return undefined;
      const { account, number: key } = first;
      const action = { type: 'withdraw', asset: 'BTC', amount: planning.amount('BTC') } as const;
      return command(planning, { account, action, key, strand: { id: key, place: 'ends' } });
    },
  },
  {
    doom: 'account-of-another',
    code: 'account_not_found',
    isStored: false,
    make: (planning) => {
      const account = planning.anybody();
      const sender = planning.anybodyBut(account);
      return command(planning, { account, sender, action: { type: 'withdraw', asset: 'USD', amount: planning.amount('USD') } });
    },
  },
  {
    doom: 'fill-by-a-user',
    code: 'forbidden',
    isStored: false,
    make: (planning) => {
      const order = { id: planning.chance.uuid() };
      const action = { type: 'fill-order', order, amountIn: planning.amount('USD'), amountOut: planning.amount('BTC') } as const;
      return command(planning, { account: planning.anybody(), action });
    },
  },
];

function closedAgain(planning: Planning, type: 'cancel-order' | 'release-hold'): CommandDraft | undefined {
  const closed = planning.closed.take();
  if (closed === undefined) return undefined;
  if (closed.action.type !== type) {
    planning.closed.put(closed);
    return undefined;
  }
  const { account, action, strand } = closed;
  return command(planning, { account, action, strand: { id: strand, place: 'ends' } });
}

/** The case that came up least so far and can be made: so each comes up, and as often as the others where it can. */
export function makeDoomed(planning: Planning): () => CommandDraft | undefined {
  const made = new Map(DOOMED.map((each) => [each, 0]));
  return () => {
    for (const [chosen, times] of [...made].sort(([, one], [, other]) => one - other)) {
      const draft = chosen.make(planning);
      if (draft === undefined) continue;
      made.set(chosen, times + 1);
      const { doom, code, isStored } = chosen;
      return { ...draft, expects: { outcome: 'refused', doom, code, isStored } };
    }
    return undefined;
  };
}
