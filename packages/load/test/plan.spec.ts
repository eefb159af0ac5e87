import { expect, test } from 'vitest';
import { DOOMED } from '../src/doomed.ts';
import { LARGEST_MINOR, minorOf, SCALES } from '../src/money.ts';
import { planOf } from '../src/plan.ts';
import type { PlanOptions } from '../src/planning.ts';
import type { Action, Operation, Step } from '../src/steps.ts';
import { COMMANDS_PER_STEP, OPERATIONS } from '../src/steps.ts';

const plan = (options: Partial<PlanOptions> = {}): Step[] => [
  ...planOf({ seed: 'a seed', users: 100, rps: 100, steps: 6_500, ...options }),
];

const actionsOf = (step: Step): readonly { readonly account: number; readonly action: Action }[] => {
  if (step.what === 'read') return [];
  return step.what === 'bulk' ? step.commands : [step];
};

test('the same seed makes the same plan, another seed another one', () => {
  expect(plan()).toEqual(plan());
  expect(plan({ seed: 'another seed' })).not.toEqual(plan());
  // And it is the same on every machine and in every release, or a seed that found something would be worth nothing.
  const [first, second] = plan({ steps: 2 });
  expect({ first, second }).toMatchInlineSnapshot(`
    {
      "first": {
        "account": 92,
        "action": {
          "amount": "728.17",
          "asset": "USD",
          "type": "withdraw",
        },
        "dueMs": 1.815861810464412,
        "expects": {
          "outcome": "applied",
        },
        "isForBroker": false,
        "isWatched": false,
        "key": 0,
        "number": 0,
        "operation": "withdraw",
        "sender": 92,
        "strand": {
          "id": 0,
          "place": "begins",
        },
        "what": "command",
      },
      "second": {
        "account": 85,
        "action": {
          "amountIn": "260.17",
          "orderType": "LIMIT",
          "targetPrice": "0.000410800",
          "tokenIn": "EUR",
          "tokenOut": "ETH",
          "type": "place-order",
        },
        "dueMs": 11.271348507143557,
        "expects": {
          "outcome": "applied",
        },
        "isForBroker": false,
        "isWatched": false,
        "key": 1,
        "number": 1,
        "operation": "order-place",
        "sender": 85,
        "strand": {
          "id": 1,
          "place": "begins",
        },
        "what": "command",
      },
    }
  `);
});

test('a longer plan begins like a shorter one', () => {
  expect(plan({ steps: 900 })).toEqual(plan({ steps: 1_800 }).slice(0, 900));
});

test('without a second user nobody could send anything to anybody', () => {
  expect(() => plan({ users: 1 })).toThrow(RangeError);
});

test.each([
  ['a minute and the warm-up at 100 a second', { steps: 6_500 }],
  ['the same from another seed', { seed: 'x', steps: 6_500 }],
  ['five seconds at 40 a second, ten users', { seed: 'short', users: 10, rps: 40, steps: 240 }],
  ['ten seconds at 1,000 a second', { seed: 'fast', rps: 1_000, steps: 10_000 }],
])('every operation is at least one request in fifty: %s', (_, options) => {
  const steps = plan(options);
  const counts = new Map<Operation, number>();
  for (const { operation } of steps) counts.set(operation, (counts.get(operation) ?? 0) + 1);
  const shares = OPERATIONS.map((operation) => ({ operation, share: (counts.get(operation) ?? 0) / steps.length }));
  expect(shares.length).toBeGreaterThanOrEqual(12);
  expect(shares.filter(({ share }) => share < 0.02)).toEqual([]);
});

test('every request has a moment of its own, in order, at the rate', () => {
  const due = plan().map(({ dueMs }) => dueMs);
  expect(due.toSorted((one, other) => one - other)).toEqual(due);
  expect(due.every((dueMs, number) => Math.floor(dueMs / 10) === number)).toBe(true);
});

test('no command is like another: a key of its own, and figures that do not come twice', () => {
  const steps = plan();
  const keys = steps.flatMap((step) => (step.what === 'command' && step.key === step.number ? [step.key] : []));
  expect(new Set(keys).size).toBe(keys.length);
  const borrowed = steps.filter((step) => step.what === 'command' && step.key !== step.number);
  // Only what is to be told apart by the ledger has the key of another one.
  expect(new Set(borrowed.map(({ operation }) => operation))).toEqual(new Set(['repeat', 'doomed']));
  const texts = steps.filter(({ operation }) => operation === 'withdraw').map((step) => JSON.stringify(actionsOf(step)));
  expect(new Set(texts).size).toBeGreaterThan(texts.length * 0.9);
});

test('a repeat is the very command whose key it has', () => {
  const steps = plan();
  const repeats = steps.flatMap((step) => (step.what === 'command' && step.operation === 'repeat' ? [step] : []));
  expect(repeats).not.toHaveLength(0);
  for (const { key, account, action, sender } of repeats) expect(steps[key]).toMatchObject({ key, account, action, sender });
});

test('what builds on earlier steps comes well after them, and nothing comes after the end', () => {
  const steps = plan({ rps: 100 });
  const last = new Map<number, number>();
  const over = new Set<number>();
  for (const { strand, number } of steps) {
    if (strand === undefined) continue;
    const { id, place, after } = strand;
    expect(over.has(id)).toBe(false);
    expect(last.has(id)).toBe(place !== 'begins');
    if (after !== undefined) expect(over.has(after)).toBe(true);
    expect(number - (last.get(id) ?? -50)).toBeGreaterThanOrEqual(50);
    last.set(id, number);
    if (place === 'ends') over.add(id);
  }
  expect(over.size).toBeGreaterThan(500);
});

test('no hold is captured and no order filled beyond what is left, but by those that are doomed', () => {
  const left = new Map<number, bigint>();
  const minor = (text: string): bigint => minorOf(text.replace('.', ''), 0);
  for (const step of plan()) {
    if (step.what !== 'command' || step.strand === undefined || step.expects.outcome !== 'applied') continue;
    const { action, strand } = step;
    if (action.type === 'place-hold') left.set(strand.id, minor(action.amount));
    if (action.type === 'place-order') left.set(strand.id, minor(action.amountIn));
    const taken = action.type === 'capture-hold' ? action.amount : action.type === 'fill-order' ? action.amountIn : undefined;
    if (taken !== undefined) left.set(strand.id, (left.get(strand.id) ?? 0n) - minor(taken));
  }
  expect([...left.values()].filter((minorLeft) => minorLeft < 0n)).toEqual([]);
  expect([...left.values()].filter((minorLeft) => minorLeft === 0n).length).toBeGreaterThan(100);
});

test('what everybody is given before covers all that the plan can take, in whatever order it is decided', () => {
  const steps = plan();
  const isAsset = (code: string): code is keyof typeof SCALES => Object.hasOwn(SCALES, code);
  const taken = new Map<string, bigint>();
  for (const step of steps) {
    if (step.what === 'command' && step.expects.outcome === 'refused') continue;
    for (const { account, action } of actionsOf(step)) {
      const [asset, amount] =
        action.type === 'place-order'
          ? [action.tokenIn, action.amountIn]
          : action.type === 'update-coin'
            ? [action.symbol.slice(0, 3).toUpperCase(), action.quantity.replace('-', '')]
            : 'asset' in action
              ? [action.asset, action.amount]
              : ['', ''];
      if (!isAsset(asset)) continue;
      const amountMinor = minorOf(amount, SCALES[asset]);
      expect(amountMinor <= LARGEST_MINOR[asset]).toBe(true);
      taken.set(`${account} ${asset}`, (taken.get(`${account} ${asset}`) ?? 0n) + amountMinor);
    }
  }
  const given = BigInt(steps.length * COMMANDS_PER_STEP);
  for (const [whose, sum] of taken) {
    const asset = whose.split(' ')[1] ?? '';
    expect(isAsset(asset) && sum <= given * LARGEST_MINOR[asset], whose).toBe(true);
  }
});

test('what is open does not grow with the length of the plan', () => {
  const open = new Set<number>();
  let most = 0;
  for (const { strand } of planOf({ seed: 'long', users: 5, rps: 100, steps: 30_000 })) {
    if (strand?.place === 'begins') open.add(strand.id);
    if (strand?.place === 'ends') open.delete(strand.id);
    most = Math.max(most, open.size);
  }
  // Four holds and four orders for each of five users, closed ones to be closed again, and commands to be sent again.
  expect(most).toBeLessThan(150);
});

test('every doomed case comes up, each with the one code that is right', () => {
  const cases = new Map(DOOMED.map(({ doom, code, isStored }) => [doom, { outcome: 'refused', doom, code, isStored }]));
  expect(cases.size).toBe(DOOMED.length);
  const seen = new Map<string, unknown>();
  for (const step of plan({ steps: 1_500 })) {
    if (step.operation !== 'doomed' || step.what !== 'command' || step.expects.outcome !== 'refused') continue;
    seen.set(step.expects.doom, step.expects);
  }
  expect(new Map([...seen].sort())).toEqual(new Map([...cases].sort()));
});
