import type { Applied, Command, ProblemCode } from '@ledgerfold/client';
import { LedgerProblem } from '@ledgerfold/client';
import { expect, test } from 'vitest';
import { makeAcknowledged } from '../src/acknowledged.ts';
import type { Answer } from '../src/answers.ts';
import { answerOf } from '../src/answers.ts';
import { makeBooks } from '../src/books.ts';
import { DOOMED } from '../src/doomed.ts';
import type { Sent } from '../src/judge.ts';
import { makeJudge } from '../src/judge.ts';
import { commandIdOf, keyOf } from '../src/keys.ts';
import type { Expectation } from '../src/steps.ts';

const ME = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const NAME = { number: 3, entry: 0 };
const DEPOSIT: Command = { type: 'deposit', accountId: ME, asset: 'USD', amount: '5.00' };
const APPLIED: Applied = {
  key: keyOf('r', NAME),
  commandId: commandIdOf(ME, keyOf('r', NAME)),
  status: 'applied',
  accountId: ME,
  revision: '4',
  position: '40',
  balances: [],
  result: { entryId: 'e' },
  hit: false,
};

function judged(expects: Expectation, answer: Answer, sent: Partial<Sent> = {}) {
  const books = makeBooks();
  const acknowledged = makeAcknowledged({ run: 'r', steps: 10, stepsBefore: 0 });
  const judge = makeJudge({ run: 'r', books, acknowledged });
  const outcome = judge({ command: DEPOSIT, name: NAME, expects, state: {}, wasDoubted: false, ...sent }, answer);
  return {
    outcome,
    balances: books.of(ME).view().balances,
    applied: acknowledged.count('applied'),
    refused: acknowledged.count('refused'),
  };
}
const applied = (more: Partial<Applied> = {}): Answer => ({ status: 'applied', applied: { ...APPLIED, ...more } });
const problem = (
  code: ProblemCode,
  { status = 422, stored = false, retryAfterMs }: { status?: number; stored?: boolean; retryAfterMs?: number } = {},
): Answer =>
  answerOf(
    new LedgerProblem(
      {
        type: '/problems/x',
        title: '',
        status,
        detail: '',
        instance: '',
        code,
        retryable: status === 503,
        ...(stored ? { revision: '5', position: '50' } : {}),
      },
      'k',
      retryAfterMs,
    ),
  );
const AS_SENT: Expectation = { outcome: 'applied' };

test('what was to be applied and was is booked', () => {
  expect(judged(AS_SENT, applied())).toEqual({ outcome: { name: 'ok' }, balances: ['USD 5.00 0.00'], applied: 1, refused: 0 });
});

test.each<readonly [string, Answer]>([
  ['another command id', applied({ commandId: '0' })],
  ['another account', applied({ accountId: 'x' })],
  ['sent before, which it was not', applied({ hit: true })],
  ['only tried', applied({ status: 'would_apply' })],
  ['refused', problem('insufficient_funds', { stored: true })],
])('what was to be applied and is answered otherwise is unexpected: %s', (_, answer) => {
  expect(judged(AS_SENT, answer).outcome.name).toBe('unexpected');
});

test('a command that was doubted may have been applied by an earlier attempt', () => {
  expect(judged(AS_SENT, applied({ hit: true }), { wasDoubted: true })).toMatchObject({
    outcome: { name: 'ok' },
    balances: ['USD 5.00 0.00'],
  });
});

test('a dry run is not booked, and is no more than that', () => {
  expect(judged({ outcome: 'would-apply' }, applied({ status: 'would_apply' }))).toMatchObject({
    outcome: { name: 'ok' },
    balances: [],
    applied: 0,
  });
  expect(judged({ outcome: 'would-apply' }, applied()).outcome.name).toBe('unexpected');
});

test('a repeat is answered with the first outcome, and booked no second time', () => {
  const state = { revision: '4' };
  expect(judged({ outcome: 'repeated' }, applied({ hit: true }), { state })).toMatchObject({ outcome: { name: 'ok' }, balances: [] });
  expect(judged({ outcome: 'repeated' }, applied({ hit: false }), { state }).outcome.name).toBe('unexpected');
  expect(judged({ outcome: 'repeated' }, applied({ hit: true, revision: '5' }), { state }).outcome.name).toBe('unexpected');
});

test.each(DOOMED.map(({ doom, code, isStored }) => [doom, code, isStored] as const))('%s: %s and nothing else', (doom, code, isStored) => {
  const expects: Expectation = { outcome: 'refused', doom, code, isStored };
  expect(judged(expects, problem(code, { stored: isStored }))).toEqual({
    outcome: { name: 'ok', doom },
    balances: [],
    applied: 0,
    refused: isStored ? 1 : 0,
  });
  expect(judged(expects, problem(code, { stored: !isStored })).outcome.name).toBe('unexpected');
  expect(judged(expects, problem('already_reversed', { stored: isStored })).outcome.name).toBe('unexpected');
  // What the ledger did is booked, whether or not it should have.
  expect(judged(expects, applied())).toMatchObject({ outcome: { name: 'unexpected' }, balances: ['USD 5.00 0.00'], applied: 1 });
});

test('overload is told apart, where the ledger says when to come back', () => {
  expect(judged(AS_SENT, problem('overloaded', { status: 503, retryAfterMs: 1_000 })).outcome.name).toBe('overloaded');
  expect(judged(AS_SENT, problem('rate_limited', { status: 429, retryAfterMs: 0 })).outcome.name).toBe('overloaded');
  expect(judged(AS_SENT, problem('overloaded', { status: 503 })).outcome).toEqual({
    name: 'unexpected',
    detail: 'overloaded without Retry-After',
  });
});

test('a doubt is none of these: it is asked for', () => {
  expect(judged(AS_SENT, problem('outcome_unknown', { status: 503, retryAfterMs: 1_000 }))).toMatchObject({
    outcome: { name: 'unknown' },
    balances: [],
    applied: 0,
  });
});
