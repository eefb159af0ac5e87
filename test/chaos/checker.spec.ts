// The checker against histories and logs made by hand: in the one all is well, in each of the others one thing is not.
import { expect, test } from 'vitest';
import type { LogEvent } from '../scenarios/log.ts';
import { checkHistory } from './checker/check.ts';
import { checkEvents } from './checker/events.ts';
import type { ViolationName } from './checker/violation.ts';
import type { ToldEvent } from './event-queue.ts';
import type { Attempt, History, Outcome, Read } from './history.ts';

const [ANN, BOB] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];

interface Written {
  readonly account: string;
  readonly key: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}
const usd = (amount: string) => ({ asset: 'USD', amount });
const left = (available: string, held = '0.00') => ({ balances: [{ asset: 'USD', available, held }] });
const written = (account: string, key: string, type: string, data: Readonly<Record<string, unknown>> = {}): Written => ({
  account,
  key,
  type,
  data,
});

/** Two of a bank; Ann holds some back, sends some to Bob, and asks for more than she has. */
const LOG: readonly Written[] = [
  written(ANN, 'open', 'account-opened'),
  written(BOB, 'open', 'account-opened'),
  written(ANN, 'pay in', 'deposited', { ...usd('10.00'), ...left('10.00') }),
  written(ANN, 'hold', 'hold-placed', { ...usd('1.00'), ...left('9.00', '1.00') }),
  written(ANN, 'send', 'transfer-sent', { ...usd('4.00'), transferId: 'one', to: BOB, ...left('5.00', '1.00') }),
  written(BOB, 'sys:receive', 'transfer-received', { ...usd('4.00'), transferId: 'one', from: ANN, ...left('4.00') }),
  written(ANN, 'sys:complete', 'transfer-completed', { ...usd('4.00'), transferId: 'one', to: BOB }),
  written(ANN, 'too much', 'command-rejected', { code: 'insufficient_funds', commandType: 'withdraw' }),
  written(ANN, 'in doubt', 'transfer-sent', { ...usd('1.00'), transferId: 'two', to: BOB, ...left('4.00', '1.00') }),
  written(BOB, 'sys:refuse', 'transfer-refused', { ...usd('1.00'), transferId: 'two', from: ANN, reason: 'recipient_frozen' }),
  written(ANN, 'sys:return', 'transfer-returned', { ...usd('1.00'), transferId: 'two', to: BOB, ...left('5.00', '1.00') }),
];

function logOf(events: readonly Written[]): LogEvent[] {
  const revisions = new Map<string, bigint>();
  return events.map(({ account, key, type, data }, n) => {
    const stream = `account-${account}`;
    const revision = (revisions.get(stream) ?? -1n) + 1n;
    revisions.set(stream, revision);
    const metadata = { key, occurredAt: `2026-01-01T00:00:${String(n).padStart(2, '0')}.000Z` };
    return { stream, revision, position: BigInt(10 * n), id: `event ${n}`, type, data, metadata };
  });
}

const applied = (revision: number, position: number, balances: readonly [string, string][] = []): Outcome => ({
  kind: 'applied',
  revision: BigInt(revision),
  position: BigInt(position),
  balances: balances.map(([available, held]) => ({ asset: 'USD', available, held })),
});
let clock = 0;
/** What is asked under each key. */
const ASKED: Readonly<Record<string, Pick<Attempt, 'type' | 'asks'>>> = {
  open: { type: 'open-account', asks: {} },
  'pay in': { type: 'deposit', asks: usd('10') },
  hold: { type: 'place-hold', asks: usd('1.0') },
  send: { type: 'transfer', asks: { to: BOB, ...usd('4.00') } },
  'in doubt': { type: 'transfer', asks: { to: BOB, ...usd('1.00') } },
  'turned away': { type: 'freeze-account', asks: {} },
};
function attempt(accountId: string, key: string, outcome: Outcome, more: Partial<Attempt> = {}): Attempt {
  clock += 10;
  return {
    client: 'client',
    accountId,
    key,
    ...(ASKED[key] ?? { type: 'withdraw', asks: usd('100.00') }),
    invokedMs: clock,
    endedMs: clock + 5,
    outcome,
    ...more,
  };
}
const read = (position: number, available: string, held: string, more: Partial<Read> = {}): Read => {
  clock += 10;
  const balance = { asset: 'USD', available, held };
  return {
    client: 'client',
    accountId: ANN,
    asset: 'USD',
    minPosition: undefined,
    invokedMs: clock,
    endedMs: clock,
    balance,
    position: BigInt(position),
    ...more,
  };
};

const ATTEMPTS: readonly Attempt[] = [
  attempt(ANN, 'open', applied(0, 0)),
  attempt(BOB, 'open', applied(0, 10)),
  attempt(ANN, 'pay in', applied(1, 20, [['10.00', '0.00']])),
  attempt(ANN, 'hold', applied(2, 30, [['9.00', '1.00']])),
  attempt(ANN, 'send', { kind: 'taken' }, { sequence: 'producer' }),
  attempt(ANN, 'too much', { kind: 'refused', code: 'insufficient_funds', revision: 5n, position: 70n }, { sequence: 'producer' }),
  attempt(ANN, 'in doubt', { kind: 'unknown', why: 'no answer' }),
  attempt(ANN, 'never came', { kind: 'unknown', why: 'no answer' }),
  attempt(ANN, 'turned away', { kind: 'never-applied', code: 'overloaded' }),
];
const HISTORY: History = {
  attempts: ATTEMPTS,
  reads: [read(0, '0.00', '0.00'), read(25, '10.00', '0.00', { minPosition: 20n }), read(90, '5.00', '1.00', { minPosition: 30n })],
  accounts: [ANN, BOB],
  bank: [ANN, BOB],
};

const names = (history: History, log: readonly LogEvent[]): string[] =>
  [...new Set(checkHistory(history, log).map(({ name }) => name))].sort();

/** The log with one event in the place of another, or none. */
const but = (key: string, change: Partial<Written> | undefined): LogEvent[] =>
  logOf(
    LOG.flatMap((event) =>
      event.key !== key || event.account !== (change?.account ?? event.account)
        ? [event]
        : change === undefined
          ? []
          : [{ ...event, ...change }],
    ),
  );
const and = (...more: readonly Written[]): LogEvent[] => logOf([...LOG, ...more]);
const told = (key: string, outcome: Outcome): History => ({
  ...HISTORY,
  attempts: ATTEMPTS.map((one) => (one.key === key && one.accountId === ANN ? { ...one, outcome } : one)),
});
const saw = (...reads: readonly Read[]): History => ({ ...HISTORY, reads });

test('where all is well nothing is found', () => {
  expect(checkHistory(HISTORY, logOf(LOG))).toEqual([]);
});

/** What is planted, what the checker is given, and by which name, among others, it has to say so. */
const PLANTED: readonly (readonly [what: string, name: ViolationName, history: History, log: readonly LogEvent[]])[] = [
  ['an acknowledged command that is nowhere', 'acknowledged-lost', HISTORY, but('hold', undefined)],
  ['a command that was taken for good, and is nowhere', 'acknowledged-lost', told('never came', { kind: 'taken' }), logOf(LOG)],
  ['a refusal that is nowhere', 'acknowledged-lost', HISTORY, but('too much', undefined)],
  [
    'a command applied twice',
    'applied-twice',
    HISTORY,
    and(written(ANN, 'hold', 'hold-placed', { ...usd('1.00'), ...left('4.00', '2.00') })),
  ],
  [
    'an unanswered command applied twice',
    'applied-twice',
    HISTORY,
    and(written(ANN, 'in doubt', 'command-rejected', { code: 'insufficient_funds' })),
  ],
  ['a refused command that is applied', 'refused-but-applied', HISTORY, but('too much', { type: 'account-frozen', data: {} })],
  ['what was never to be applied is', 'refused-but-applied', HISTORY, and(written(ANN, 'turned away', 'account-frozen'))],
  ['an answer with another revision', 'answer-differs', told('hold', applied(3, 30, [['9.00', '1.00']])), logOf(LOG)],
  ['an answer with other balances', 'answer-differs', told('hold', applied(2, 30, [['9.00', '0.00']])), logOf(LOG)],
  [
    'an answer from whose position its event cannot be seen',
    'answer-differs',
    told('hold', applied(2, 29, [['9.00', '1.00']])),
    logOf(LOG),
  ],
  ['another amount than was asked', 'not-as-asked', HISTORY, but('pay in', { data: { ...usd('10.01'), ...left('10.01') } })],
  ['another recipient than was asked', 'not-as-asked', HISTORY, but('in doubt', { data: { ...usd('1.00'), transferId: 'two', to: ANN } })],
  ['another command than was asked', 'not-as-asked', HISTORY, but('in doubt', { type: 'withdrawn' })],
  [
    'a refusal of another command',
    'not-as-asked',
    HISTORY,
    but('too much', { data: { code: 'insufficient_funds', commandType: 'deposit' } }),
  ],
  ['an answer that nothing explains', 'strange-answer', told('never came', { kind: 'strange', code: 'account_not_found' }), logOf(LOG)],
  ['a command that nobody sent', 'never-asked', HISTORY, and(written(ANN, 'made up', 'account-frozen'))],
  [
    'a sequence in another order',
    'reordered',
    {
      ...HISTORY,
      attempts: ATTEMPTS.map((one) => (one.key === 'hold' ? { ...one, sequence: 'producer', invokedMs: 0, endedMs: 1_000 } : one))
        .toSorted((one, other) => Number(other.key === 'too much') - Number(one.key === 'too much'))
        .map((one) => ({ ...one, endedMs: 1_000 })),
    },
    logOf(LOG),
  ],
  [
    'a command that stands before one acknowledged before it was sent',
    'reordered',
    HISTORY,
    logOf([...LOG.slice(0, 2), ...LOG.slice(3, 4), ...LOG.slice(2, 3), ...LOG.slice(4)]),
  ],
  ['a gap in a stream', 'revision-gap', HISTORY, logOf(LOG).filter(({ metadata }) => metadata['key'] !== 'too much')],
  [
    'a balance below zero',
    'negative-balance',
    HISTORY,
    but('send', { data: { ...usd('9.01'), transferId: 'one', to: BOB, ...left('-0.01', '1.00') } }),
  ],
  [
    'an update that is lost to the next',
    'lost-update',
    HISTORY,
    but('in doubt', { data: { ...usd('1.00'), transferId: 'two', to: BOB, ...left('8.00', '1.00') } }),
  ],
  [
    'an event before the one before it',
    'time-went-back',
    HISTORY,
    logOf(LOG).map((event) =>
      event.metadata['key'] === 'hold' ? { ...event, metadata: { ...event.metadata, occurredAt: '2025' } } : event,
    ),
  ],
  [
    'a hold that expires before its time',
    'expired-early',
    HISTORY,
    and(
      written(ANN, 'later', 'hold-placed', { holdId: 'x', expiresAt: '2026-01-01T01:00:00.000Z', ...usd('1.00'), ...left('4.00', '2.00') }),
      written(ANN, 'sys:expire', 'hold-expired', { holdId: 'x', ...usd('1.00'), ...left('5.00', '1.00') }),
    ).map((event) => ({ ...event, createdMs: Date.parse('2026-01-01T00:59:00.000Z') })),
  ],
  [
    'an event in the future',
    'time-ran-ahead',
    HISTORY,
    logOf(LOG).map((event) => ({ ...event, createdMs: Date.parse('2025-12-31T23:59:59.000Z') })),
  ],
  [
    'a transfer credited twice',
    'transfer-broken',
    HISTORY,
    and(written(BOB, 'sys:again', 'transfer-received', { ...usd('4.00'), transferId: 'one', from: ANN, ...left('8.00') })),
  ],
  [
    'a transfer that arrives with another amount',
    'transfer-broken',
    HISTORY,
    but('sys:receive', { data: { ...usd('5.00'), transferId: 'one', from: ANN, ...left('5.00') } }),
  ],
  ['a transfer that comes back after it has arrived', 'transfer-broken', HISTORY, but('sys:complete', { type: 'transfer-returned' })],
  ['a transfer that never arrives', 'transfer-unfinished', HISTORY, logOf(LOG.slice(0, 5))],
  [
    'money that comes from nowhere',
    'bank-sum-changed',
    HISTORY,
    but('sys:receive', { data: { ...usd('5.00'), transferId: 'one', from: ANN, ...left('5.00') } }),
  ],
  ['a read below what it asked for', 'stale-read', saw(read(90, '5.00', '1.00', { minPosition: 100n })), logOf(LOG)],
  ['a read of a balance that was over before its position', 'stale-read', saw(read(40, '9.00', '1.00')), logOf(LOG)],
  ['a read of a balance that never was', 'stale-read', saw(read(100, '5.00', '0.00')), logOf(LOG)],
  ['a read behind one before it', 'read-went-back', saw(read(90, '5.00', '1.00'), read(30, '9.00', '1.00')), logOf(LOG)],
];

test.for(PLANTED)('%s is found: %s', ([, name, history, log]) => {
  expect(names(history, log)).toContain(name);
});

const TOLD: readonly ToldEvent[] = logOf(LOG).map(({ id, stream, type, revision, position, data, metadata }) => ({
  id,
  routingKey: `account.${type}`,
  type: `ledger.account.${type}.v1`,
  accountId: stream.slice('account-'.length),
  time: String(metadata['occurredAt']),
  data: { ...data, revision: String(revision), position: String(position), key: metadata['key'] },
}));

/** The same, but for what one of them says. */
const toldWith = (data: ToldEvent['data']): ToldEvent[] =>
  TOLD.map((one, n) => (n === 3 ? { ...one, data: { ...one.data, ...data } } : one));

test('integration events: all of them, and some of them again', () => {
  expect(checkEvents([...TOLD.slice(0, 5), ...TOLD.slice(2)], logOf(LOG))).toEqual([]);
});

test.for([
  ['one that was never told', 'event-untold', TOLD.toSpliced(3, 1)],
  ['none at all', 'event-untold', []],
  ['one before those that it follows', 'event-reordered', [...TOLD.slice(0, 3), ...TOLD.slice(4), ...TOLD.slice(3)]],
  ['one that never happened', 'event-differs', [...TOLD, { ...TOLD[0], id: 'made up' }]],
  ['one at another position', 'event-differs', toldWith({ position: '31' })],
  ['one with another amount', 'event-differs', toldWith({ amount: '1.01' })],
  ['one of somebody else', 'event-differs', TOLD.map((one, n) => (n === 3 ? { ...one, accountId: BOB } : one))],
] as [string, ViolationName, ToldEvent[]][])('of integration events %s is found: %s', ([, name, told]) => {
  expect(checkEvents(told, logOf(LOG)).map((found) => found.name)).toContain(name);
});
