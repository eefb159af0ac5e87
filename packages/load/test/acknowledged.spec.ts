import { expect, test } from 'vitest';
import { makeAcknowledged } from '../src/acknowledged.ts';

const name = (number: number, entry = 0) => ({ number, entry });
const made = () => makeAcknowledged({ run: 'r', steps: 100, stepsBefore: 3 });

test('what was answered and is in the log once is in order', () => {
  const acknowledged = made();
  for (const answered of [name(-3, 4), name(0), name(99, 7)]) acknowledged.answered(answered, 'applied');
  acknowledged.answered(name(5), 'refused');
  for (const key of ['r:-3.4', 'r:0.0', 'r:99.7']) expect(acknowledged.found(key, 'applied')).toBeUndefined();
  expect(acknowledged.found('r:5.0', 'refused')).toBeUndefined();
  expect([...acknowledged.missing()]).toEqual([]);
  expect([acknowledged.count('applied'), acknowledged.count('refused')]).toEqual([3, 1]);
});

test('a command that was answered and is not in the log is named', () => {
  const acknowledged = made();
  acknowledged.answered(name(-1, 2), 'applied');
  acknowledged.answered(name(7), 'applied');
  acknowledged.answered(name(8), 'refused');
  acknowledged.found('r:7.0', 'applied');
  expect([...acknowledged.missing()]).toEqual([
    { ...name(-1, 2), how: 'applied' },
    { ...name(8), how: 'refused' },
  ]);
});

test('an event that should not be there is one: twice, never answered, answered otherwise, of nobody', () => {
  const acknowledged = made();
  acknowledged.answered(name(1), 'applied');
  expect(acknowledged.found('r:1.0', 'applied')).toBeUndefined();
  expect(acknowledged.found('r:1.0', 'applied')).toMatch(/twice/);
  expect(acknowledged.found('r:2.0', 'applied')).toMatch(/never answered as applied/);
  acknowledged.answered(name(3), 'refused');
  expect(acknowledged.found('r:3.0', 'applied')).toMatch(/answered as refused, and is in the log as applied/);
  expect(acknowledged.found('other:4.0', 'applied')).toMatch(/of nothing that was sent/);
});

test('what nobody learned of may be in the log, or not', () => {
  const acknowledged = made();
  acknowledged.leftOpen(name(1));
  acknowledged.leftOpen(name(2));
  expect(acknowledged.found('r:1.0', 'applied')).toBeUndefined();
  expect([...acknowledged.missing()]).toEqual([]);
});
