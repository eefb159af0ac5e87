// The auditor's fold against logs in which one event is wrong: each promise of docs/domain.md, broken once, is told of at that event.
import { randomUUID } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/audit/findings.ts';
import { makeFold } from '../../src/audit/verify/fold.ts';
import { makeFindings } from '../../src/audit/verify/observation.ts';
import { openPapers } from '../../src/audit/verify/papers.ts';
import type { BalanceAfter, EventMetadata, StoredEvent } from '../../src/domain/events.ts';
import { accountStream, assetStream, subjectOf } from '../../src/domain/events.ts';
import type { AccountId, AssetCode } from '../../src/domain/ids.ts';
import { CommandIdSchema, HoldIdSchema, OrderIdSchema, TransferIdSchema } from '../../src/domain/ids.ts';
import { BTC, newAccountId, rejected, USD } from '../eventstore/new-events.ts';

const NIL = '00000000-0000-0000-0000-000000000000';
const OWN: ReadonlySet<string> = new Set([
  'hold-expired',
  'order-expired',
  'transfer-received',
  'transfer-refused',
  'transfer-completed',
  'transfer-returned',
]);

interface Options {
  readonly id?: string;
  readonly revision?: bigint;
  readonly position?: bigint;
  readonly metadata?: Partial<EventMetadata>;
}

let papers = openPapers();
afterEach(() => papers.close());

/** A log that is written event by event; each is right unless it is said otherwise. */
function makeLog() {
  papers = openPapers();
  const findings = makeFindings();
  const fold = makeFold(papers, findings);
  const revisions = new Map<string, bigint>();
  let position = 0n;

  function follow(stream: string, scope: string, event: StoredEvent, { id = randomUUID(), metadata = {}, ...place }: Options): void {
    const revision = place.revision ?? (revisions.get(stream) ?? -1n) + 1n;
    revisions.set(stream, revision);
    position = place.position ?? position + 10n;
    const isOwn = OWN.has(event.type);
    const key = metadata.key ?? `${isOwn ? 'sys:' : ''}key-${id}`;
    const said: EventMetadata = {
      ...{ key, commandId: CommandIdSchema.parse(uuidv5(key, scope)), commandHash: 'ab'.repeat(32), correlationId: id, causationId: id },
      ...{ actor: 'tester', transport: isOwn ? 'internal' : 'rest', occurredAt: '2026-01-31T12:00:00.000Z' },
      ...metadata,
    };
    const { type, ...data } = event;
    const subject = subjectOf(stream);
    if (subject === undefined) throw new Error(`${stream} belongs to nothing`);
    const at = { stream, revision, position, eventId: id };
    fold.follow({ ...at, type, data, metadata: said }, { ...at, subject, event, metadata: said });
  }
  const write = (account: AccountId, event: StoredEvent, options: Options = {}): void =>
    follow(accountStream(account), account, event, options);
  const register = (code: AssetCode, scale: number): void =>
    follow(
      assetStream(code),
      uuidv5(code, NIL),
      { type: 'asset-registered', version: 1, code, name: code, kind: 'fiat', scale, active: true },
      {},
    );
  register(USD, 2);
  register(BTC, 8);

  /** A new account with ten dollars. */
  function account(options: { readonly dollars?: string } = {}): AccountId {
    const id = newAccountId();
    write(id, { type: 'account-opened', version: 1, limits: [] });
    const { dollars = '10.00' } = options;
    if (dollars !== '0.00') write(id, deposit(dollars, [usd(dollars)]));
    return id;
  }
  return {
    write,
    account,
    /** What was found, all of it at the event that was written last. */
    found(): readonly string[] {
      fold.checkWhole();
      return findings.list.map((finding) => said(finding, position));
    },
    findings: findings.list,
    checkWhole: fold.checkWhole,
  };
}
const said = ({ kind, position }: Finding, last: bigint): string =>
  position === undefined || position === last ? kind : `${kind} elsewhere`;

const usd = (available: string, held = '0.00'): BalanceAfter => ({ asset: USD, available, held });
const btc = (available: string): BalanceAfter => ({ asset: BTC, available, held: '0.00000000' });
const deposit = (amount: string, balances: BalanceAfter[], more: { externalId?: string; asset?: AssetCode } = {}): StoredEvent => ({
  type: 'deposited',
  version: 1,
  asset: USD,
  amount,
  balances,
  ...more,
});
const withdraw = (amount: string, balances: BalanceAfter[]): StoredEvent => ({
  type: 'withdrawn',
  version: 1,
  asset: USD,
  amount,
  balances,
});
const hold = (id: string, amount: string, balances: BalanceAfter[], more: object = {}): StoredEvent => ({
  type: 'hold-placed',
  version: 1,
  holdId: HoldIdSchema.parse(id),
  asset: USD,
  amount,
  placedBy: 'user',
  balances,
  ...more,
});
const capture = (id: string, amount: string, remaining: string, balances: BalanceAfter[]): StoredEvent => ({
  type: 'hold-captured',
  version: 1,
  holdId: HoldIdSchema.parse(id),
  asset: USD,
  amount,
  remaining,
  capturedBy: 'user',
  balances,
});
const order = (id: string, targetPrice: string | undefined, balances = [usd('5.00', '5.00')]): StoredEvent => ({
  ...{
    type: 'order-placed',
    version: 1,
    orderId: OrderIdSchema.parse(id),
    orderType: targetPrice === undefined ? 'MARKET' : 'LIMIT',
    tokenIn: USD,
    tokenOut: BTC,
    amountIn: '5.00',
  },
  ...{ filledIn: '0.00', filledOut: '0.00000000', balances, ...(targetPrice === undefined ? {} : { targetPrice }) },
});
type Filled = Extract<StoredEvent, { type: 'order-filled' }>;
const fill = (orderId: string, fillId: string, more: Partial<Filled> = {}): StoredEvent => ({
  ...{
    type: 'order-filled',
    version: 1,
    orderId: OrderIdSchema.parse(orderId),
    fillId,
    tokenIn: USD,
    tokenOut: BTC,
    amountIn: '5.00',
    amountOut: '0.00010000',
  },
  ...{ filledIn: '5.00', filledOut: '0.00010000', orderStatus: 'executed', balances: [usd('5.00'), btc('0.00010000')] },
  ...more,
});
const send = (id: string, to: AccountId, more: object = {}): StoredEvent => ({
  type: 'transfer-sent',
  version: 1,
  transferId: TransferIdSchema.parse(id),
  to,
  asset: USD,
  amount: '4.00',
  balances: [usd('6.00')],
  ...more,
});
const receive = (id: string, from: AccountId, amount = '4.00'): StoredEvent => ({
  type: 'transfer-received',
  version: 1,
  transferId: TransferIdSchema.parse(id),
  from,
  asset: USD,
  amount,
  balances: [usd(amount)],
});
const complete = (id: string, to: AccountId): StoredEvent => ({
  type: 'transfer-completed',
  version: 1,
  transferId: TransferIdSchema.parse(id),
  to,
  asset: USD,
  amount: '4.00',
});
const giveBack = (id: string, to: AccountId): StoredEvent => ({
  type: 'transfer-returned',
  version: 1,
  transferId: TransferIdSchema.parse(id),
  to,
  asset: USD,
  amount: '4.00',
  reason: 'recipient_frozen',
  balances: [usd('10.00')],
});

describe('a log in which nothing is wrong', () => {
  it('has no findings: payments, holds, orders, transfers there and back, reversals', () => {
    const log = makeLog();
    const [one, other] = [log.account(), log.account({ dollars: '0.00' })];
    const ids = Array.from({ length: 6 }, () => randomUUID());
    const [holdId = '', orderId = '', fillId = '', there = '', back = '', again = ''] = ids;
    log.write(one, hold(holdId, '5.00', [usd('5.00', '5.00')]), { id: holdId });
    log.write(one, capture(holdId, '2.00', '3.00', [usd('5.00', '3.00')]));
    log.write(one, {
      type: 'hold-released',
      version: 1,
      holdId: HoldIdSchema.parse(holdId),
      asset: USD,
      amount: '3.00',
      balances: [usd('8.00')],
    });
    log.write(one, order(orderId, '0.00002', [usd('3.00', '5.00')]), { id: orderId });
    log.write(
      one,
      fill(orderId, fillId, { balances: [usd('3.00'), btc('0.00009000')], fee: { asset: BTC, amount: '0.00001000' }, txHash: '0x1' }),
      { id: fillId },
    );
    log.write(one, deposit('7.00', [usd('10.00')], { externalId: 'p' }));
    log.write(one, send(there, other), { id: there });
    log.write(other, receive(there, one), { id: back });
    log.write(one, complete(there, other));
    log.write(other, send(again, one, { reverses: back, reason: 'a mistake', balances: [usd('0.00')] }), { id: again });
    log.write(one, rejected('insufficient_funds'));
    expect(log.found()).toEqual([]);
  });
});

describe('is told of', () => {
  const cases: readonly (readonly [what: string, kinds: readonly string[], write: (log: ReturnType<typeof makeLog>) => void])[] = [
    ['a balance below zero', ['negative', 'balances_said'], (log) => log.write(log.account(), withdraw('10.01', [usd('0.00')]))],
    ['a balance that the events do not leave', ['balances_said'], (log) => log.write(log.account(), deposit('1.00', [usd('12.00')]))],
    ['balances that are not stated', ['balances_said'], (log) => log.write(log.account(), deposit('1.00', []))],
    ['an amount of nothing', ['wrong_amount', 'balances_said'], (log) => log.write(log.account(), deposit('0.00', [usd('10.00')]))],
    [
      'an amount with decimals that its asset does not have',
      ['wrong_scale', 'balances_said'],
      (log) => log.write(log.account(), deposit('1.000', [usd('11.00')])),
    ],
    ['an event that is missing before it', ['gap'], (log) => log.write(log.account(), deposit('1.00', [usd('11.00')]), { revision: 3n })],
    ['a revision that was there', ['gap'], (log) => log.write(log.account(), deposit('1.00', [usd('11.00')]), { revision: 1n })],
    ['a place before the last one', ['out_of_order'], (log) => log.write(log.account(), deposit('1.00', [usd('11.00')]), { position: 1n })],
    [
      'a time before the last one',
      ['time_went_back'],
      (log) => log.write(log.account(), deposit('1.00', [usd('11.00')]), { metadata: { occurredAt: '2026-01-31T11:00:00.000Z' } }),
    ],
    [
      'a time of effect that is yet to come',
      ['effective_time'],
      (log) => log.write(log.account(), deposit('1.00', [usd('11.00')]), { metadata: { effectiveAt: '2026-02-01T00:00:00Z' } }),
    ],
    [
      'a backdated hold',
      ['effective_time'],
      (log) => {
        const id = randomUUID();
        log.write(log.account(), hold(id, '1.00', [usd('9.00', '1.00')]), { id, metadata: { effectiveAt: '2026-01-01T00:00:00Z' } });
      },
    ],
    [
      'a key that has an outcome',
      ['duplicate_key'],
      (log) => {
        const account = log.account({ dollars: '0.00' });
        for (const balance of ['1.00', '2.00']) log.write(account, deposit('1.00', [usd(balance)]), { metadata: { key: 'k' } });
      },
    ],
    [
      'a command id that its key does not make',
      ['wrong_command_id'],
      (log) => log.write(log.account(), deposit('1.00', [usd('11.00')]), { metadata: { commandId: CommandIdSchema.parse(randomUUID()) } }),
    ],
    [
      'a key of the ledger’s own in somebody’s hand',
      ['wrong_key'],
      (log) => log.write(log.account(), deposit('1.00', [usd('11.00')]), { metadata: { key: 'sys:mine' } }),
    ],
    [
      'a payment that is booked again',
      ['duplicate_payment'],
      (log) => {
        const account = log.account({ dollars: '0.00' });
        for (const balance of ['1.00', '2.00']) log.write(account, deposit('1.00', [usd(balance)], { externalId: 'p' }));
      },
    ],
    [
      'money that moves in an account that was never opened',
      ['wrong_status'],
      (log) => log.write(newAccountId(), deposit('1.00', [usd('1.00')])),
    ],
    [
      'money that moves in a frozen account',
      ['wrong_status'],
      (log) => {
        const account = log.account();
        log.write(account, { type: 'account-frozen', version: 1, reason: 'r' });
        log.write(account, deposit('1.00', [usd('11.00')]));
      },
    ],
    [
      'an account that is closed with money in it',
      ['wrong_status'],
      (log) => log.write(log.account(), { type: 'account-closed', version: 1 }),
    ],
    [
      'a refusal for what was not so',
      ['wrong_refusal'],
      (log) =>
        log.write(log.account(), {
          ...{ type: 'command-rejected', version: 1, commandType: 'withdraw', code: 'insufficient_funds', detail: 'not enough' },
          fields: { asset: 'USD', available: '9.00', requested: '11.00' },
        }),
    ],
    ['a refusal for a freeze that was none', ['wrong_refusal'], (log) => log.write(log.account(), rejected('account_frozen'))],
    [
      'a hold that is captured beyond what it holds',
      ['negative', 'balances_said', 'hold'],
      (log) => {
        const account = log.account();
        const id = randomUUID();
        log.write(account, hold(id, '5.00', [usd('5.00', '5.00')]), { id });
        log.write(account, capture(id, '6.00', '0.00', [usd('5.00', '0.00')]));
      },
    ],
    [
      'a hold that is not there',
      ['negative', 'hold', 'held_differs'],
      (log) => log.write(log.account(), capture(randomUUID(), '1.00', '0.00', [usd('10.00', '-1.00')])),
    ],
    [
      'an operator’s hold that the owner captures',
      ['hold'],
      (log) => {
        const account = log.account();
        const id = randomUUID();
        log.write(account, hold(id, '5.00', [usd('5.00', '5.00')], { placedBy: 'operator' }), { id });
        log.write(account, capture(id, '5.00', '0.00', [usd('5.00')]));
      },
    ],
    [
      'a hold that expires before its time',
      ['hold'],
      (log) => {
        const account = log.account();
        const id = randomUUID();
        log.write(account, hold(id, '5.00', [usd('5.00', '5.00')], { expiresAt: '2026-02-01T00:00:00Z' }), { id });
        log.write(account, {
          type: 'hold-expired',
          version: 1,
          holdId: HoldIdSchema.parse(id),
          asset: USD,
          amount: '5.00',
          balances: [usd('10.00')],
        });
      },
    ],
    [
      'a fill below the target price, by the last digit',
      ['price_not_met'],
      (log) => {
        const account = log.account();
        const [id, fillId] = [randomUUID(), randomUUID()];
        log.write(account, order(id, '0.0000200000001'), { id });
        log.write(account, fill(id, fillId), { id: fillId });
      },
    ],
    [
      'a fee in another asset',
      ['wrong_fee', 'balances_said'],
      (log) => {
        const account = log.account();
        const [id, fillId] = [randomUUID(), randomUUID()];
        log.write(account, order(id, undefined), { id });
        log.write(account, fill(id, fillId, { fee: { asset: USD, amount: '1.00' } }), { id: fillId });
      },
    ],
    [
      'a fill of more than the order has',
      ['negative', 'order', 'balances_said'],
      (log) => {
        const account = log.account();
        const [id, fillId] = [randomUUID(), randomUUID()];
        log.write(account, order(id, undefined), { id });
        log.write(account, fill(id, fillId, { amountIn: '6.00', filledIn: '6.00' }), { id: fillId });
      },
    ],
    [
      'a fill of the chain that is booked again',
      ['order'],
      (log) => {
        const account = log.account();
        const [id, first, second] = [randomUUID(), randomUUID(), randomUUID()];
        log.write(account, order(id, undefined), { id });
        const half = { amountIn: '2.50', amountOut: '0.00005000', txHash: '0x1' };
        log.write(
          account,
          fill(id, first, {
            ...half,
            filledIn: '2.50',
            filledOut: '0.00005000',
            orderStatus: 'pending',
            balances: [usd('5.00', '2.50'), btc('0.00005000')],
          }),
          { id: first },
        );
        log.write(account, fill(id, second, { ...half }), { id: second });
      },
    ],
    [
      'an order that gives back what it has not',
      ['negative', 'balances_said', 'order', 'held_differs'],
      (log) => {
        const account = log.account();
        const id = randomUUID();
        log.write(account, order(id, undefined), { id });
        log.write(account, {
          type: 'order-cancelled',
          version: 1,
          orderId: OrderIdSchema.parse(id),
          asset: USD,
          amount: '6.00',
          filledIn: '0.00',
          filledOut: '0.00000000',
          balances: [usd('11.00')],
        });
      },
    ],
    [
      'a transfer to nobody',
      ['transfer'],
      (log) => {
        const id = randomUUID();
        log.write(log.account(), send(id, newAccountId()), { id });
      },
    ],
    [
      'a transfer that arrives with another amount',
      ['transfer', 'transit'],
      (log) => {
        const [one, other] = [log.account(), log.account({ dollars: '0.00' })];
        const id = randomUUID();
        log.write(one, send(id, other), { id });
        log.write(other, receive(id, one, '5.00'));
      },
    ],
    [
      'a transfer that arrives and comes back',
      ['transfer', 'transit'],
      (log) => {
        const [one, other] = [log.account(), log.account({ dollars: '0.00' })];
        const id = randomUUID();
        log.write(one, send(id, other), { id });
        log.write(other, receive(id, one));
        log.write(one, giveBack(id, other));
      },
    ],
    [
      'a transfer that is completed and has not arrived',
      ['transfer', 'transit'],
      (log) => {
        const [one, other] = [log.account(), log.account({ dollars: '0.00' })];
        const id = randomUUID();
        log.write(one, send(id, other), { id });
        log.write(one, complete(id, other));
      },
    ],
    [
      'an entry that is reversed twice',
      ['reversal', 'negative'],
      (log) => {
        const account = log.account({ dollars: '0.00' });
        const id = randomUUID();
        log.write(account, deposit('1.00', [usd('1.00')]), { id });
        for (const balance of ['0.00', '-1.00'])
          log.write(account, {
            type: 'entry-reversed',
            version: 1,
            asset: USD,
            amount: '-1.00',
            reverses: id,
            reversedType: 'deposited',
            reason: 'r',
            balances: [usd(balance)],
          });
      },
    ],
    [
      'an entry that is reversed by another amount',
      ['reversal'],
      (log) => {
        const account = log.account();
        const id = randomUUID();
        log.write(account, deposit('1.00', [usd('11.00')]), { id });
        log.write(account, {
          type: 'entry-reversed',
          version: 1,
          asset: USD,
          amount: '-2.00',
          reverses: id,
          reversedType: 'deposited',
          reason: 'r',
          balances: [usd('9.00')],
        });
      },
    ],
    [
      'more than a limit allows, in one command',
      ['limit_exceeded'],
      (log) => {
        const account = log.account();
        log.write(account, { type: 'limits-set', version: 1, asset: USD, perWithdrawal: '5.00' });
        log.write(account, withdraw('5.01', [usd('4.99')]));
      },
    ],
    [
      'more than a limit allows, in a day',
      ['limit_exceeded'],
      (log) => {
        const account = log.account();
        log.write(account, { type: 'limits-set', version: 1, asset: USD, perDay: '5.00' });
        log.write(account, withdraw('3.00', [usd('7.00')]));
        log.write(account, withdraw('3.00', [usd('4.00')]));
      },
    ],
    [
      'an asset that is registered in an account’s stream',
      ['wrong_stream'],
      (log) =>
        log.write(log.account(), { type: 'asset-registered', version: 1, code: USD, name: 'n', kind: 'fiat', scale: 2, active: true }),
    ],
  ];

  it.each(cases)('%s', (_what, kinds, write) => {
    const log = makeLog();
    write(log);
    const found = [...new Set(log.found())];
    expect(found.sort()).toEqual([...kinds].sort());
  });

  it('once, though every event after it states the same wrong balance', () => {
    const log = makeLog();
    const account = log.account();
    log.write(account, deposit('1.00', [usd('12.00')]));
    for (const balance of ['13.00', '14.00', '15.00']) log.write(account, deposit('1.00', [usd(balance)]));
    expect(log.findings.map(({ kind }) => kind)).toEqual(['balances_said']);
  });

  it('the moment at which a balance was below zero, though it is not at the end', () => {
    const log = makeLog();
    const account = log.account();
    log.write(account, withdraw('12.00', [usd('-2.00')]));
    log.write(account, deposit('5.00', [usd('3.00')]));
    expect(log.findings).toMatchObject([{ kind: 'negative', stream: accountStream(account), revision: 2n, found: '-2.00' }]);
  });
});
