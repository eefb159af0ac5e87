// What goes on for as long as a process does must keep nothing of what is over.
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { makePauses } from '../../src/projections/pauses.ts';

test('work that is waited for leaves nothing behind, whether it is done, fails, or is cut short', async () => {
  const pauses = makePauses(makePauses());
  const kept = (): number => getEventListeners(pauses.signal, 'abort').length;
  const never = new Promise(() => {});
  for (let times = 0; times < 3; times += 1) {
    await pauses.pause(0);
    await pauses.untilEnd(Promise.resolve('done'));
    await expect(pauses.untilEnd(Promise.reject(new Error('no')))).rejects.toThrow('no');
  }
  expect(kept()).toBe(0);
  const waiting = [pauses.untilEnd(never), pauses.pause(3_600_000), pauses.ending()];
  expect(kept()).toBe(waiting.length);
  pauses.end();
  await Promise.all(waiting);
  await Promise.all([pauses.untilEnd(never), pauses.pause(3_600_000), pauses.ending()]);
});
