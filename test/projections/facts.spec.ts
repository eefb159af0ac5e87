// What decisions stand on comes from two places, memory and tables. Both must say the same of the same log.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountFrom } from '../../src/commands/account-loader.ts';
import type { Account } from '../../src/domain/account.ts';
import { emptyAccount, evolve } from '../../src/domain/account.ts';
import type { RecordedEvent, StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { Fact, FactKey } from '../../src/domain/facts.ts';
import { factsIn, nameOfFact } from '../../src/domain/facts.ts';
import type { AccountId, HoldId, OrderId } from '../../src/domain/ids.ts';
import { outcomeOf } from '../../src/domain/outcome.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';
import { loadAccounts } from '../../src/projections/accounts.ts';
import { findFacts } from '../../src/projections/facts.ts';
import {
  BTC,
  coinRemoved,
  coinUpdated,
  collect,
  deposited,
  holdCaptured,
  holdEnded,
  holdPlaced,
  newAccountId,
  newEvent,
  newHoldId,
  newOrderId,
  opened,
  orderEnded,
  orderFilled,
  orderPlaced,
  rejected,
  USD,
  withdrawn,
} from '../eventstore/new-events.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';
import { transferBetween } from './transfer-events.ts';

let ledger: LedgerUnderTest;
const one = newAccountId();
const other = newAccountId();
const holds = Array.from({ length: 6 }, newHoldId);
const orders = Array.from({ length: 6 }, newOrderId);
const holdAt = (n: number): HoldId => holds[n] ?? newHoldId();
const orderAt = (n: number): OrderId => orders[n] ?? newOrderId();

beforeAll(async () => {
  ledger = await startLedger();
  ledger.projector().start();
  const append = (accountId: AccountId, ...events: readonly (StoredEvent | NewEvent)[]) =>
    ledger.append(accountStream(accountId), ...events.map((event) => ('eventId' in event ? event : newEvent(event))));
  const deposit = newEvent(deposited('500.00', { externalId: 'pay\u0000ment', reference: 'salary' }));
  const coins = newEvent(coinUpdated('1.00000000'));
  await append(one, opened(), deposit, withdrawn('1.00', { externalId: 'payout' }), coins, rejected(), coinUpdated('-0.50000000'));
  await append(other, opened(), deposited('500.00'));
  const expiresAt = '2027-01-31T12:00:00.250Z';
  // Holds: open, partly captured, and one at each of the ends.
  await append(one, ...holds.map((holdId) => holdPlaced(holdId, '10.00', { expiresAt, placedBy: 'operator', reference: 'hotel' })));
  await append(
    one,
    holdCaptured(holdAt(1), '4.00', '6.00'),
    holdCaptured(holdAt(2), '4.00', '6.00'),
    holdCaptured(holdAt(2), '6.00', '0.00'),
    holdEnded('hold-released', holdAt(3), '10.00'),
    holdEnded('hold-expired', holdAt(4), '10.00'),
  );
  // Orders likewise; fills with a log index, without one, without a name, and one whose fee takes all it brought.
  const targetPrice = '0.000010';
  await append(one, ...orders.map((orderId) => orderPlaced(orderId, '20.00', { orderType: 'LIMIT', targetPrice, expiresAt })));
  const filled = { filledIn: '5.00', filledOut: '0.00100000', orderStatus: 'pending' } as const;
  const balances = [{ asset: BTC, available: '0.50100000', held: '0.00000000' }];
  const first = newEvent(orderFilled(orderAt(1), '5.00', '0.00100000', { ...filled, txHash: '0x\u0000a', logIndex: 2 ** 40, balances }));
  await append(one, first);
  const fee = { asset: BTC, amount: '0.00100000' };
  await append(
    one,
    {
      type: 'fill-repeated',
      version: 1,
      balances: [],
      orderId: orderAt(1),
      fillId: randomUUID(),
      orderStatus: 'pending',
      firstRevision: '23',
    },
    orderFilled(orderAt(2), '5.00', '0.00100000', { ...filled, txHash: '0xa', fee }),
    orderFilled(orderAt(2), '15.00', '0.00300000', {
      filledIn: '20.00',
      filledOut: '0.00400000',
      orderStatus: 'executed',
      txHash: '0xa',
      logIndex: 0,
    }),
    orderFilled(orderAt(3), '20.00', '0.00300000', { filledIn: '20.00', filledOut: '0.00300000', orderStatus: 'executed' }),
    orderEnded('order-cancelled', orderAt(4), '20.00'),
    orderEnded('order-expired', orderAt(5), '20.00'),
  );
  // Transfers: one under way, one at each of the ends; one taken, and sent back.
  const [underWay, refused, taken] = [1, 2, 3].map(() => transferBetween(one, other, '3.00', { externalId: randomUUID() }));
  if (!underWay || !refused || !taken) throw new Error('no transfers');
  await append(one, underWay.sent, refused.sent, taken.sent);
  const received = taken.received();
  await append(other, refused.refused(), received);
  await append(one, refused.returned(), taken.completed());
  const back = transferBetween(other, one, '3.00', { reverses: received.eventId, reason: 'a mistake' });
  await append(other, back.sent);
  // Reversals in place.
  const reversal = { type: 'entry-reversed', version: 1, reason: 'a mistake' } as const;
  await append(
    one,
    { ...reversal, balances: [], asset: BTC, amount: '-0.00100000', reverses: coins.eventId, reversedType: 'coin-updated' },
    { ...reversal, balances: [], asset: USD, amount: '-1.00', reverses: deposit.eventId, reversedType: 'deposited' },
    coinRemoved('0.50500000'),
    { type: 'account-frozen', version: 1, reason: 'a check' },
  );
  await ledger.caughtUp();
});
afterAll(() => ledger.close());

const logOf = (accountId: AccountId) => collect(ledger.store.streams.read(accountStream(accountId), 0n));
const ask = async (accountId: AccountId, keys: readonly FactKey[]): Promise<Map<string, Fact> | undefined> =>
  (await findFacts(ledger.db, [{ accountId, commandIds: [], keys }])).get(accountId)?.facts;

/** Every fact of the account, as memory would have it. */
const factsOf = (accountId: AccountId, log: readonly RecordedEvent[]): Map<string, Fact> =>
  new Map(
    log
      .flatMap(({ event, eventId, revision, metadata: { commandId } }) => factsIn({ event, eventId, revision, commandId, accountId }))
      .map((fact) => [nameOfFact(fact), fact]),
  );
/** Everything that could be asked of the account, whether it is known or not. */
const keysOf = (log: readonly RecordedEvent[], facts: ReadonlyMap<string, Fact>): readonly FactKey[] => [
  ...facts.values(),
  ...log.flatMap(({ eventId }): FactKey[] => [
    { kind: 'entry', eventId },
    { kind: 'reversal', eventId },
  ]),
  ...holds.map((holdId): FactKey => ({ kind: 'closed-hold', holdId })),
  ...orders.map((orderId): FactKey => ({ kind: 'closed-order', orderId })),
  { kind: 'payment', externalId: 'unheard of' },
  { kind: 'fill', txHash: '0xa', logIndex: 1 },
  { kind: 'fill', txHash: '0x\u0000a' },
];

describe('the facts in the tables', () => {
  it.each([
    ['one account', one],
    ['another', other],
  ])('of %s are those in its events, whatever is asked', async (_, accountId) => {
    const log = await logOf(accountId);
    const facts = factsOf(accountId, log);
    expect(await ask(accountId, keysOf(log, facts))).toEqual(facts);
  });

  it('have every kind, and an account has none of another’s', async () => {
    const log = await logOf(one);
    const facts = factsOf(one, log);
    expect(new Set([...facts.values()].map(({ kind }) => kind))).toEqual(
      new Set(['payment', 'fill', 'entry', 'reversal', 'closed-hold', 'closed-order']),
    );
    expect([...facts.values()].filter(({ kind }) => kind === 'fill')).toHaveLength(3);
    expect(await ask(other, keysOf(log, facts))).toEqual(new Map());
    expect(await ask(newAccountId(), keysOf(log, facts))).toEqual(new Map());
  });

  it('come for many accounts at once, with the outcomes of their keys and the revision they are complete at', async () => {
    const logs = { [one]: await logOf(one), [other]: await logOf(other) };
    const questions = [one, other].map((accountId) => {
      const log = logs[accountId] ?? [];
      return { accountId, commandIds: log.map(({ metadata }) => metadata.commandId), keys: keysOf(log, factsOf(accountId, log)) };
    });
    const found = await findFacts(ledger.db, questions);
    for (const accountId of [one, other]) {
      const log = logs[accountId] ?? [];
      expect(found.get(accountId)).toEqual({
        revision: log.at(-1)?.revision,
        outcomes: new Map(log.map((recorded) => [recorded.metadata.commandId, outcomeOf(recorded)])),
        facts: factsOf(accountId, log),
      });
    }
    const outcomes = [...(found.get(one)?.outcomes.values() ?? [])];
    expect(outcomes.filter((outcome) => outcome.status === 'applied' && outcome.firstRevision === 23n)).toHaveLength(1);
  });
});

describe('the state of an account in the tables', () => {
  it.each([
    ['of one account', one],
    ['of another', other],
  ])('%s is the fold of its events', async (_, accountId) => {
    const folded = (await logOf(accountId)).reduce(
      (account: Account, { event, revision, metadata }) => evolve(account, { event, revision, occurredAt: metadata.occurredAt }),
      emptyAccount(accountId),
    );
    const row = (await loadAccounts(ledger.db, [accountId])).get(accountId);
    if (row === undefined) throw new Error('no account');
    expect(accountFrom(accountId, row)).toEqual(folded);
  });

  it('has something of everything that can be open', async () => {
    const row = (await loadAccounts(ledger.db, [one])).get(one);
    expect(row).toMatchObject({
      status: 'frozen',
      holds: [
        { holdId: holdAt(0), amount: '10.00', placedBy: 'operator', expiresAt: '2027-01-31T12:00:00.250Z' },
        { holdId: holdAt(1), amount: '6.00' },
        { holdId: holdAt(5), amount: '10.00' },
      ],
      orders: [
        { orderId: orderAt(0), filledIn: '0.00', targetPrice: '0.000010', expiresAt: '2027-01-31T12:00:00.250Z' },
        { orderId: orderAt(1), amountIn: '20.00', filledIn: '5.00', filledOut: '0.00100000' },
      ],
      transfers: [{ to: other, asset: 'USD', amount: '3.00' }],
    });
  });
});
