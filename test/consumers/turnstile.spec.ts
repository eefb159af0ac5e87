import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeTurnstile } from '../../src/consumers/turnstile.ts';

const KEYS = { a: {}, b: {} };

test('those who share a key go in the order of their coming, whatever each has to wait for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.constantFrom('a' as const, 'b' as const), waitMs: fc.option(fc.nat(3)), comesMs: fc.nat(2) }), {
        maxLength: 12,
      }),
      async (plan) => {
        const inTurn = makeTurnstile();
        const gone: { readonly key: 'a' | 'b'; readonly number: number }[] = [];
        const results: Promise<number>[] = [];
        for (const [number, { key, waitMs, comesMs }] of plan.entries()) {
          if (comesMs > 0) await sleep(comesMs);
          const found = waitMs === null ? number : sleep(waitMs, number);
          results.push(inTurn(KEYS[key], found, (value) => gone.push({ key, number: value }) && value));
        }
        expect(await Promise.all(results)).toEqual(plan.map((_, number) => number));
        for (const key of ['a', 'b'])
          expect(gone.filter((one) => one.key === key).map(({ number }) => number)).toEqual(
            plan.flatMap((one, number) => (one.key === key ? [number] : [])),
          );
      },
    ),
    { numRuns: 60 },
  );
});

test('what is there already goes at once, and what one is about to do holds up nobody', async () => {
  const inTurn = makeTurnstile();
  const gone: string[] = [];
  const go = (value: string): void => void gone.push(value);
  const goForEver = (value: string): Promise<void> => {
    gone.push(value);
    return new Promise(() => undefined);
  };
  void inTurn(KEYS.a, 'first', goForEver);
  void inTurn(KEYS.a, 'second', go);
  expect(gone).toEqual(['first', 'second']);
  void inTurn(KEYS.a, Promise.resolve('third'), goForEver);
  await inTurn(KEYS.a, 'fourth', go);
  expect(gone).toEqual(['first', 'second', 'third', 'fourth']);
});

test('one that fails lets the next go', async () => {
  const inTurn = makeTurnstile();
  const failed = inTurn(KEYS.a, Promise.resolve(), () => {
    throw new Error('no');
  });
  const next = inTurn(KEYS.a, undefined, () => 'gone');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('gone');
});
