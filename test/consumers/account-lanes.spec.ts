import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CommandSequence } from '../../src/commands/sequence.ts';
import { makeAccountLanes } from '../../src/consumers/account-lanes.ts';
import { until } from '../eventstore/new-events.ts';

const NOT_NOW = new Error('not now');

interface Item {
  readonly account: string;
  readonly number: number;
}

test('items of an account are decided and settled in order, whatever has no outcome for how long; other accounts do not wait', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ account: fc.constantFrom('a', 'b', 'c'), failures: fc.nat(2), isKnownBefore: fc.boolean(), trouble: fc.nat(1) }),
        { maxLength: 30 },
      ),
      async (plan) => {
        const left = plan.map(({ failures }) => failures);
        const trouble = plan.map((item) => item.trouble);
        const decided: Item[] = [];
        const settled: Item[] = [];
        const lanes = makeAccountLanes<Item, true>({
          async decide(item, sequence: CommandSequence) {
            // As what cannot be read: that has its verdict, whatever becomes of those before it.
            if (plan[item.number]?.isKnownBefore) return true;
            await turn();
            if (sequence.isBroken) return undefined;
            if ((left[item.number] ?? 0) > 0) {
              left[item.number] = (left[item.number] ?? 0) - 1;
              sequence.isBroken = true; // as the command handler does, before it looks at the next
              return undefined;
            }
            decided.push(item);
            return true;
          },
          settle: async (item) => {
            await turn();
            if ((trouble[item.number] ?? 0) > 0) {
              trouble[item.number] = 0;
              throw NOT_NOW;
            }
            settled.push(item);
          },
          onError: (error) => {
            if (error !== NOT_NOW) throw error;
          },
        });
        plan.forEach(({ account }, number) => {
          lanes.take(account, { account, number });
        });
        await until(() => settled.length === plan.length);
        for (const items of [decided, settled])
          for (const account of ['a', 'b', 'c']) {
            const numbers = items.filter((item) => item.account === account).map(({ number }) => number);
            expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
          }
        await lanes.stop();
      },
    ),
    { numRuns: 20 },
  );
});

test('a stop waits for what is under way, turns away what waits, and takes no more', async () => {
  let finish: (verdict: true) => void = () => undefined;
  const settled: number[] = [];
  const sequences: CommandSequence[] = [];
  const lanes = makeAccountLanes<number, true>({
    decide: (number, sequence) => {
      sequences.push(sequence);
      return number === 1 ? new Promise((resolve) => (finish = resolve)) : Promise.resolve(undefined);
    },
    settle: async (number) => void settled.push(number),
    onError: () => undefined,
  });
  lanes.take('a', 1);
  lanes.take('b', 2);
  const stopped = lanes.stop();
  lanes.take('c', 3);
  expect(sequences.map(({ isBroken }) => isBroken)).toEqual([true, true]);
  finish(true);
  await stopped;
  expect(settled).toEqual([1]);
});

test('a verdict that cannot be settled yet is settled later, and not made again', async () => {
  let decisions = 0;
  let attempts = 0;
  const lanes = makeAccountLanes<string, true>({
    decide: async () => {
      decisions += 1;
      return true;
    },
    settle: async () => {
      attempts += 1;
      if (attempts < 3) throw new Error('not now');
    },
    onError: () => undefined,
  });
  lanes.take('a', 'x');
  await until(() => lanes.oldestMs() === 0);
  expect({ decisions, attempts }).toEqual({ decisions: 1, attempts: 3 });
});
