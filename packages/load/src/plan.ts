// The plan: every request of a run, in order and with its moment. A function of its options alone, made as it is needed: it has no
// memory of what is over, so it may be as long as anybody likes.
import { makeDoomed } from './doomed.ts';
import { MONEY } from './money.ts';
import { makeItems } from './plan-items.ts';
import { makePayments } from './plan-payments.ts';
import type { Planning, PlanOptions } from './planning.ts';
import { makePlanning } from './planning.ts';
import type { Draft, Operation, Step } from './steps.ts';
import { OPERATIONS, SHARES } from './steps.ts';

const MS_PER_S = 1_000;
/** A hundred operations in the shares that they have. */
const DECK: readonly Operation[] = OPERATIONS.flatMap((operation) => Array.from({ length: SHARES[operation] }, () => operation));

/** @throws RangeError with fewer than two users: nobody could send anything to anybody. */
export function* planOf(options: PlanOptions): Generator<Step, void, undefined> {
  if (options.users < 2) throw new RangeError('a plan needs two users');
  const { dueMs = (place: number): number => (place / options.rps) * MS_PER_S } = options;
  let number = 0;
  const planning = makePlanning(options, () => number);
  const makers: Readonly<Record<Operation, () => Draft | undefined>> = {
    ...makePayments(planning),
    ...makeItems(planning),
    doomed: makeDoomed(planning),
    ...makeReads(planning),
  };
  let hand: Operation[] = [];

  /** The first of the hand that can be made by now; those before it stay for later. */
  function next(): { readonly operation: Operation; readonly draft: Draft } {
    for (;;) {
      for (const [at, operation] of hand.entries()) {
        const draft = makers[operation]();
        if (draft === undefined) continue;
        hand.splice(at, 1);
        return { operation, draft };
      }
      refill();
    }
  }
  /** What could not be made for a hundred steps, because too much of it is open, is given up. */
  function refill(): void {
    hand = [...hand.slice(-DECK.length), ...planning.chance.shuffled(DECK)];
  }

  for (; number < options.steps; number += 1) {
    if (hand.length < DECK.length) refill();
    const { operation, draft } = next();
    // Each has a slot of its own and comes at some moment in it: neither in step with anything else, nor all at once.
    yield { ...draft, number, operation, dueMs: dueMs(number + planning.chance.share()) };
  }
}

function makeReads({ anybody, chance }: Planning) {
  const read = (what: 'balances' | 'statement' | 'orders') => (): Draft => ({
    what: 'read',
    read: what,
    account: anybody(),
    asset: chance.pick(MONEY),
  });
  return { balances: read('balances'), statement: read('statement'), orders: read('orders') };
}
