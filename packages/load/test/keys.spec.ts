import { v5 } from 'uuid';
import { expect, test } from 'vitest';
import { commandIdOf, commandNamedBy, keyOf } from '../src/keys.ts';

test('the id of a command is the UUIDv5 of its account and its key', () => {
  for (const [accountId, key] of [
    ['7c9e6679-7425-40de-944b-e07fc1f90ae7', 'payout-7'],
    ['00000000-0000-0000-0000-000000000000', 'load-0f:-12.4'],
  ] as const)
    expect(commandIdOf(accountId, key)).toBe(v5(key, accountId));
});

test('a key says which command of the run it is of, and of no other run', () => {
  for (const name of [
    { number: 0, entry: 0 },
    { number: 360_123, entry: 7 },
    { number: -3, entry: 4 },
  ])
    expect(commandNamedBy('load-0f', keyOf('load-0f', name))).toEqual(name);
  expect(commandNamedBy('load-0f', keyOf('load-1e', { number: 1, entry: 0 }))).toBeUndefined();
  expect(commandNamedBy('load-0f', 'sys:receive:1')).toBeUndefined();
});
