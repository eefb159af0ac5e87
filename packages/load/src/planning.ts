// What the makers of steps share: chance, and what the steps so far have left open. A maker gives nothing where what it needs is not
// there yet, and has then drawn nothing.
import type { Chance } from './chance.ts';
import { makeChance } from './chance.ts';
import type { Asset } from './money.ts';
import { amountOf, LARGEST_MINOR, smallestMinor } from './money.ts';
import type { Limit } from './order-prices.ts';
import type { ReadyQueue } from './ready-queue.ts';
import { makeReadyQueue } from './ready-queue.ts';
import type { Action, CommandStep, Draft } from './steps.ts';

export interface OpenHold {
  readonly strand: number;
  readonly account: number;
  readonly asset: Asset;
  readonly remainingMinor: bigint;
}
export interface OpenOrder {
  readonly strand: number;
  readonly account: number;
  readonly limit: Limit;
  readonly orderType: 'LIMIT' | 'MARKET';
  readonly leftMinor: bigint;
}
/** A hold or an order that is over. */
export interface Closed {
  readonly strand: number;
  readonly account: number;
  readonly action: Extract<Action, { readonly type: 'release-hold' | 'cancel-order' }>;
}
/** The removable coin of an account: what it was added by, or removed by. */
export interface CoinTurn {
  readonly strand: number;
  readonly account: number;
}
export type CommandDraft = Extract<Draft, { readonly what: 'command' }>;

export interface Planning {
  readonly chance: Chance;
  readonly users: number;
  /** The step that is being made. */
  number(): number;
  readonly holds: ReadyQueue<OpenHold>;
  readonly orders: ReadyQueue<OpenOrder>;
  readonly closed: ReadyQueue<Closed>;
  readonly added: ReadyQueue<CoinTurn>;
  readonly removed: ReadyQueue<CoinTurn>;
  /** Sent once, to be sent again. */
  readonly repeatable: ReadyQueue<CommandStep>;
  anybody(): number;
  anybodyBut(user: number): number;
  /** An amount of one command. */
  amount(asset: Asset): string;
}

export interface PlanOptions {
  /** Any text; the same one makes the same plan. */
  readonly seed: string;
  /** At least two. */
  readonly users: number;
  /** What builds on earlier steps comes half a second after them at this rate. */
  readonly rps: number;
  readonly steps: number;
  /** When that place between 0 and `steps` is due; where it is not said, at that rate throughout. */
  readonly dueMs?: (place: number) => number;
}

/** Half a second, and never fewer than this. */
const LEAST_SPACING_STEPS = 20;

export function makePlanning({ seed, users, rps }: PlanOptions, number: () => number): Planning {
  const chance = makeChance(seed);
  const queue = <Item>(): ReadyQueue<Item> => makeReadyQueue<Item>(number, Math.max(LEAST_SPACING_STEPS, Math.ceil(rps / 2)));
  const anybody = (): number => chance.below(users);
  return {
    chance,
    users,
    number,
    holds: queue(),
    orders: queue(),
    closed: queue(),
    added: queue(),
    removed: queue(),
    repeatable: queue(),
    anybody,
    anybodyBut: (user) => (user + 1 + chance.below(users - 1)) % users,
    amount: (asset) => amountOf(asset, chance.between(smallestMinor(asset), LARGEST_MINOR[asset])),
  };
}

/** A command that is to be applied, sent by its account's owner with a key of its own; what is given says otherwise. */
export const command = (
  { number }: Planning,
  given: Pick<CommandDraft, 'account' | 'action'> & Partial<Omit<CommandDraft, 'what'>>,
): CommandDraft => ({
  what: 'command',
  sender: given.account,
  expects: { outcome: 'applied' },
  key: number(),
  isForBroker: false,
  isWatched: false,
  ...given,
});
