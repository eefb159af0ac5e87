import { expect, test } from 'vitest';
import type { Strand } from '../src/steps.ts';
import type { Turn } from '../src/strands.ts';
import { makeStrands } from '../src/strands.ts';

const step = (id: number, place: Strand['place'], after?: number) => ({
  strand: { id, place, ...(after === undefined ? {} : { after }) },
});

async function expectToWaitFor(last: Turn | undefined, entering: Promise<Turn | undefined>): Promise<void> {
  let hasBegun = false;
  const next = entering.then((turn) => {
    hasBegun = true;
    return turn;
  });
  await new Promise(setImmediate);
  expect(hasBegun).toBe(false);
  last?.leave('whole');
  expect(await next).toBeDefined();
}

test('the steps of a strand come one after another, and know what the first one made', async () => {
  const strands = makeStrands();
  const order: string[] = [];
  const first = await strands.enter(step(1, 'begins'));
  const others = (['continues', 'ends'] as const).map(async (place) => {
    const turn = await strands.enter(step(1, place));
    order.push(`${place} ${turn?.state.itemId}`);
    turn?.leave('whole');
  });
  order.push('begins');
  if (first !== undefined) first.state.itemId = 'h';
  first?.leave('whole');
  await Promise.all(others);
  expect(order).toEqual(['begins', 'continues h', 'ends h']);
});

test('what builds on what is not there is not carried out', async () => {
  const strands = makeStrands();
  (await strands.enter(step(1, 'begins')))?.leave('broken');
  expect(await strands.enter(step(1, 'continues'))).toBeUndefined();
  expect(await strands.enter(step(1, 'ends'))).toBeUndefined();
  expect(await strands.enter(step(2, 'continues'))).toBeUndefined();

  (await strands.enter(step(3, 'begins')))?.leave('whole');
  strands.abandon(step(3, 'continues'));
  expect(await strands.enter(step(3, 'ends'))).toBeUndefined();
});

test('a strand waits for an earlier one that has to be over', async () => {
  const strands = makeStrands();
  (await strands.enter(step(1, 'begins')))?.leave('whole');
  const last = await strands.enter(step(1, 'ends'));
  await expectToWaitFor(last, strands.enter(step(2, 'begins', 1)));
});

test('a step that is not sent takes nothing from those before it', async () => {
  const strands = makeStrands();
  const first = await strands.enter(step(1, 'begins'));
  const second = strands.enter(step(1, 'continues'));
  strands.abandon(step(1, 'ends'));
  first?.leave('whole');
  expect(await second).toBeDefined();
});

test('a strand that was never begun, or never ended, does not let the next one overtake those before', async () => {
  const strands = makeStrands();
  (await strands.enter(step(1, 'begins')))?.leave('whole');
  const last = await strands.enter(step(1, 'ends'));
  strands.abandon(step(2, 'begins', 1));
  strands.abandon(step(2, 'ends'));
  await expectToWaitFor(last, strands.enter(step(3, 'begins', 2)));
});

test('a step that builds on nothing has its turn at once', async () => {
  const turn = await makeStrands().enter({});
  expect(turn?.state).toEqual({});
});
