// The order of commands that were sent more than once: sent with the first attempt, acknowledged with the first answer.
import { expect, test } from 'vitest';
import type { LogEvent } from '../scenarios/log.ts';
import { checkOrder } from './checker/order.ts';
import type { Attempt, Outcome } from './history.ts';

const ANN = '11111111-1111-4111-8111-111111111111';
const UNKNOWN: Outcome = { kind: 'unknown', why: 'no answer' };
const APPLIED: Outcome = { kind: 'applied', revision: 0n, position: 0n, balances: [] };

const logOf = (...keys: readonly string[]): LogEvent[] =>
  keys.map((key, n) => ({
    stream: `account-${ANN}`,
    revision: BigInt(n),
    position: BigInt(n),
    id: key,
    type: 'deposited',
    data: {},
    metadata: { key },
  }));
const attempt = (key: string, invokedMs: number, endedMs: number, outcome: Outcome): Attempt => ({
  client: 'any',
  accountId: ANN,
  key,
  type: 'deposit',
  asks: {},
  invokedMs,
  endedMs,
  outcome,
});
const breaches = (log: readonly LogEvent[], ...attempts: readonly Attempt[]): readonly string[] =>
  checkOrder({ attempts, reads: [], accounts: [ANN], bank: [] }, log).map(({ name }) => name);

test('what a retry was told is acknowledged: whatever was sent later stands behind it', () => {
  const attempts = [attempt('one', 0, 1, UNKNOWN), attempt('one', 2, 3, APPLIED), attempt('two', 4, 5, APPLIED)];
  expect(breaches(logOf('one', 'two'), ...attempts)).toEqual([]);
  expect(breaches(logOf('two', 'one'), ...attempts)).toEqual(['reordered']);
});

test('the earliest answer counts, whichever attempt has it', () => {
  const attempts = [attempt('one', 0, 9, APPLIED), attempt('one', 1, 2, APPLIED), attempt('two', 4, 5, APPLIED)];
  expect(breaches(logOf('two', 'one'), ...attempts)).toEqual(['reordered']);
});

test('what was sent before the answer may stand on either side, and so may what was sent first and asked again later', () => {
  const attempts = [attempt('one', 0, 1, UNKNOWN), attempt('two', 2, 3, APPLIED), attempt('one', 4, 5, APPLIED)];
  expect(breaches(logOf('one', 'two'), ...attempts)).toEqual([]);
  expect(breaches(logOf('two', 'one'), ...attempts)).toEqual([]);
});
