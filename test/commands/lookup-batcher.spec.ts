import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeLookupBatcher } from '../../src/commands/lookup-batcher.ts';

describe('look-ups', () => {
  it('that are asked together are one statement, and each gets its own answer', async () => {
    const statements: number[][] = [];
    const ask = makeLookupBatcher<number, string>({
      maxBatch: 10,
      maxConcurrent: 1,
      giveUpMs: 10_000,
      askAll: async (questions) => {
        statements.push([...questions]);
        await sleep(1);
        return questions.map((n) => `#${n}`);
      },
    });
    const first = [1, 2, 3].map(ask);
    await sleep(0);
    const later = Array.from({ length: 12 }, (_, n) => ask(n + 4));
    expect(await Promise.all([...first, ...later])).toEqual(Array.from({ length: 15 }, (_, n) => `#${n + 1}`));
    expect(statements.flat()).toEqual(Array.from({ length: 15 }, (_, n) => n + 1));
    expect(statements.length).toBeLessThanOrEqual(3);
  });

  it('of a statement that failed all fail, and the next one is asked again', async () => {
    let isDown = true;
    const ask = makeLookupBatcher<number, number>({
      maxBatch: 10,
      maxConcurrent: 2,
      giveUpMs: 10_000,
      askAll: async (questions) => {
        if (isDown) throw new Error('down');
        return questions;
      },
    });
    const failed = await Promise.allSettled([ask(1), ask(2)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isDown = false;
    expect(await ask(3)).toBe(3);
  });

  it('of a statement that hangs fail, and do not keep the next ones from being asked', async () => {
    const ask = makeLookupBatcher<number, number>({
      maxBatch: 1,
      maxConcurrent: 1,
      giveUpMs: 50,
      askAll: (questions) => (questions[0] === 1 ? new Promise(() => {}) : Promise.resolve(questions)),
    });
    const [hung, next] = await Promise.allSettled([ask(1), ask(2)]);
    expect([hung.status, next]).toEqual(['rejected', { status: 'fulfilled', value: 2 }]);
  });
});
