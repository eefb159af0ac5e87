// A step of a plan: one request, with everything about it that is known before the load begins.
import type { ProblemCode } from '@ledgerfold/client';

/** What is counted and timed apart, and its share of a hundred steps. */
export const SHARES = {
  deposit: 11,
  withdraw: 9,
  transfer: 9,
  'coin-add': 5,
  'coin-take': 4,
  'coin-remove': 3,
  'hold-place': 7,
  'hold-capture': 4,
  'hold-release': 4,
  'order-place': 8,
  'order-fill': 5,
  'order-cancel': 4,
  bulk: 3,
  'dry-run': 4,
  repeat: 3,
  doomed: 5,
  balances: 6,
  statement: 3,
  orders: 3,
} as const;
export type Operation = keyof typeof SHARES;
export const OPERATIONS = Object.keys(SHARES) as readonly Operation[];

/** A hold or an order: the one that the strand is about, or an id that nothing has. */
export type Item = 'of-strand' | { readonly id: string };

/** A command, with people for accounts: what the plan can know of it. */
export type Action =
  | { readonly type: 'deposit' | 'withdraw'; readonly asset: string; readonly amount: string }
  /** @property to somebody, or the id of an account that does not exist. */
  | { readonly type: 'transfer'; readonly to: number | string; readonly asset: string; readonly amount: string }
  | { readonly type: 'update-coin'; readonly symbol: string; readonly quantity: string }
  | { readonly type: 'remove-coin'; readonly symbol: string }
  | { readonly type: 'place-hold'; readonly asset: string; readonly amount: string }
  | { readonly type: 'capture-hold'; readonly hold: Item; readonly amount: string }
  | { readonly type: 'release-hold'; readonly hold: Item }
  | {
      readonly type: 'place-order';
      readonly orderType: 'LIMIT' | 'MARKET';
      readonly tokenIn: string;
      readonly tokenOut: string;
      readonly amountIn: string;
      readonly targetPrice?: string;
    }
  | {
      readonly type: 'fill-order';
      readonly order: Item;
      readonly amountIn: string;
      readonly amountOut: string;
      readonly fee?: { readonly asset: string; readonly amount: string };
    }
  | { readonly type: 'cancel-order'; readonly order: Item };

export type Expectation =
  | { readonly outcome: 'applied' }
  | { readonly outcome: 'would-apply' }
  /** What another step sent already: its very answer, and no effect. */
  | { readonly outcome: 'repeated' }
  /** Refused with this code. `isStored`: and the refusal is in the log. `doom` is the name of the case. */
  | { readonly outcome: 'refused'; readonly doom: string; readonly code: ProblemCode; readonly isStored: boolean };

/** Steps that build on each other, one after another; named by the number of the first. */
export interface Strand {
  readonly id: number;
  readonly place: 'begins' | 'continues' | 'ends';
  /** An earlier strand that has to be over first. */
  readonly after?: number;
}

/** Somebody: a user by number, or whoever operates the ledger. */
export type Sender = number | 'operator';

interface Planned {
  readonly number: number;
  /** When it is to be sent, in milliseconds from the beginning. */
  readonly dueMs: number;
  readonly operation: Operation;
  readonly strand?: Strand;
}
export interface CommandStep extends Planned {
  readonly what: 'command';
  /** Whose account it is about. */
  readonly account: number;
  readonly sender: Sender;
  readonly action: Action;
  readonly expects: Expectation;
  /** The step whose key is used; its own number where it has one of its own. */
  readonly key: number;
  /** Whether it goes over AMQP where there is a broker to send it to. */
  readonly isForBroker: boolean;
  /** Whether a read follows that has to see it. */
  readonly isWatched: boolean;
}
export interface BulkStep extends Planned {
  readonly what: 'bulk';
  readonly commands: readonly { readonly account: number; readonly action: Action }[];
}
export interface ReadStep extends Planned {
  readonly what: 'read';
  readonly account: number;
  readonly read: 'balances' | 'statement' | 'orders';
  /** Of a statement. */
  readonly asset: string;
}
export type Step = CommandStep | BulkStep | ReadStep;

/** The most commands of one step: keys are numbered by it. */
export const COMMANDS_PER_STEP = 8;

type WithoutPlace<Any> = Any extends Step ? Omit<Any, keyof Planned> & Pick<Planned, 'strand'> : never;
/** A step that has no place in the plan yet. */
export type Draft = WithoutPlace<Step>;

export function assertNever(value: never): never {
  throw new TypeError(`nothing is made for ${JSON.stringify(value)}`);
}
