import type { AccountEvent, Applied, Command } from '@ledgerfold/client';
import { expect, test } from 'vitest';
import { makeBooks, WrongAnswer } from '../src/books.ts';
import { viewDifferences } from '../src/differences.ts';
import { foldEvents } from '../src/fold.ts';

const ME = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const OTHER = '9e107d9d-372b-4b23-8a5c-1f0f1f0f1f0f';

const answer = (result: Readonly<Record<string, string>> = {}, more: Partial<Applied> = {}): Applied => ({
  key: '',
  commandId: '',
  status: 'applied',
  accountId: ME,
  revision: '1',
  position: '10',
  balances: [],
  result: result as Applied['result'],
  ...more,
});
type Story = readonly (readonly [Command, Readonly<Record<string, string>>])[];
const mine = { accountId: ME };

/** What an account went through, as commands and their answers, and as the events of the log. */
const STORY: Story = [
  [{ type: 'deposit', ...mine, asset: 'USD', amount: '100.00' }, { entryId: 'e' }],
  [{ type: 'withdraw', ...mine, asset: 'USD', amount: '10.5' }, { entryId: 'e' }],
  [
    { type: 'update-coin', ...mine, symbol: 'btcusdt', quantity: '0.5' },
    { symbol: 'BTC', quantity: '0.50000000' },
  ],
  [
    { type: 'update-coin', ...mine, symbol: 'SOL', quantity: '2' },
    { symbol: 'SOL', quantity: '2.000000000' },
  ],
  [
    { type: 'remove-coin', ...mine, symbol: 'solusdt' },
    { symbol: 'SOL', quantity: '2.000000000' },
  ],
  [{ type: 'place-hold', ...mine, asset: 'USD', amount: '20' }, { holdId: 'h1' }],
  [
    { type: 'capture-hold', ...mine, holdId: 'h1', amount: '5' },
    { holdId: 'h1', remaining: '15.00' },
  ],
  [
    { type: 'release-hold', ...mine, holdId: 'h1' },
    { holdId: 'h1', remaining: '0.00' },
  ],
  [{ type: 'place-hold', ...mine, asset: 'USD', amount: '3' }, { holdId: 'h2' }],
  [{ type: 'place-order', ...mine, tokenIn: 'USD', tokenOut: 'BTC', amountIn: '30', orderType: 'MARKET' }, { orderId: 'o1' }],
  [
    { type: 'fill-order', ...mine, orderId: 'o1', amountIn: '10', amountOut: '0.001', fee: { asset: 'BTC', amount: '0.0001' } },
    { fillId: 'f', orderStatus: 'pending' },
  ],
  [
    { type: 'cancel-order', ...mine, orderId: 'o1' },
    { orderId: 'o1', orderStatus: 'cancelled' },
  ],
  [{ type: 'place-order', ...mine, tokenIn: 'USD', tokenOut: 'BTC', amountIn: '4', orderType: 'MARKET' }, { orderId: 'o2' }],
  [
    { type: 'transfer', ...mine, to: OTHER, asset: 'USD', amount: '1' },
    { transferId: 't1', state: 'pending' },
  ],
];
const touched = { version: 1 };
const EVENTS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['account-opened', { limits: [] }],
  ['deposited', { asset: 'USD', amount: '100.00', balances: [{ asset: 'USD', available: '100.00', held: '0.00' }] }],
  ['withdrawn', { asset: 'USD', amount: '10.50', balances: [{ asset: 'USD', available: '89.50', held: '0.00' }] }],
  ['coin-updated', { asset: 'BTC', quantity: '0.50000000' }],
  ['coin-updated', { asset: 'SOL', quantity: '2.000000000' }],
  ['coin-removed', { asset: 'SOL', quantity: '2.000000000' }],
  ['hold-placed', { holdId: 'h1', asset: 'USD', amount: '20.00', balances: [{ asset: 'USD', available: '69.50', held: '20.00' }] }],
  ['hold-captured', { holdId: 'h1', asset: 'USD', amount: '5.00', remaining: '15.00' }],
  ['hold-released', { holdId: 'h1', asset: 'USD', amount: '15.00' }],
  ['hold-placed', { holdId: 'h2', asset: 'USD', amount: '3.00' }],
  ['order-placed', { orderId: 'o1', tokenIn: 'USD', tokenOut: 'BTC', amountIn: '30.00', filledIn: '0.00', filledOut: '0.00000000' }],
  [
    'order-filled',
    {
      orderId: 'o1',
      tokenIn: 'USD',
      tokenOut: 'BTC',
      amountIn: '10.00',
      amountOut: '0.00100000',
      fee: { asset: 'BTC', amount: '0.00010000' },
      filledIn: '10.00',
      filledOut: '0.00100000',
      orderStatus: 'pending',
    },
  ],
  ['order-cancelled', { orderId: 'o1', asset: 'USD', amount: '20.00', filledIn: '10.00', filledOut: '0.00100000' }],
  ['order-placed', { orderId: 'o2', tokenIn: 'USD', tokenOut: 'BTC', amountIn: '4.00', filledIn: '0.00', filledOut: '0.00000000' }],
  ['command-rejected', { code: 'insufficient_funds' }],
  ['transfer-sent', { transferId: 't1', to: OTHER, asset: 'USD', amount: '1.00' }],
  ['transfer-completed', { transferId: 't1', to: OTHER, asset: 'USD', amount: '1.00' }],
];
const logged = (events: typeof EVENTS): AccountEvent[] =>
  events.map(([type, data], at) => ({
    type,
    revision: String(at),
    data: { ...touched, ...data },
    eventId: '',
    position: '',
    occurredAt: '',
    effectiveAt: null,
    commandId: '' as AccountEvent['commandId'],
    key: '',
    actor: '',
    transport: '',
    correlationId: '',
  }));

function booked(story: Story) {
  const books = makeBooks();
  for (const [command, result] of story) books.applied(command, answer(result));
  return books;
}

test('commands and their answers come to the same books as the events of the log', () => {
  const books = booked(STORY);
  const view = books.of(ME).view();
  expect(view).toMatchObject({
    balances: ['BTC 0.50090000 0.00000000', 'USD 66.50 7.00'],
    openHolds: ['h2 USD 3.00 0.00 open'],
    openOrders: ['o2 USD BTC 4.00 0.00 0.00000000 pending'],
    closedHolds: { count: 1 },
    closedOrders: { count: 1 },
    transfers: { count: 1 },
  });
  const { view: folded, faults } = foldEvents(ME, logged(EVENTS));
  expect(faults).toEqual([]);
  expect(viewDifferences(view, folded)).toEqual([]);
  expect(books.of(OTHER).view().balances).toEqual(['USD 1.00 0.00']);
});

test('an event that is lost, or says something else, is a difference', () => {
  const view = booked(STORY).of(ME).view();
  for (const lost of EVENTS.keys()) {
    const [type] = EVENTS[lost] ?? [];
    if (type === 'account-opened' || type === 'command-rejected') continue;
    const { view: folded, faults } = foldEvents(ME, logged(EVENTS.filter((_, at) => at !== lost)));
    expect([...faults, ...viewDifferences(view, folded)], `without ${type}`).not.toEqual([]);
  }
  const gap = logged(EVENTS).filter(({ type }) => type !== 'command-rejected');
  expect(foldEvents(ME, gap).faults).toEqual(expect.arrayContaining([expect.stringMatching(/^revision 15 stands where 14 should/)]));
});

test('an event that says other balances than it leaves, or that nobody asked for, is a fault of the log', () => {
  const said = foldEvents(
    ME,
    logged(
      [EVENTS[0], ['deposited', { asset: 'USD', amount: '1.00', balances: [{ asset: 'USD', available: '2.00', held: '0.00' }] }]].flatMap(
        (event) => (event === undefined ? [] : [event as (typeof EVENTS)[number]]),
      ),
    ),
  );
  expect(said.faults).toEqual([expect.stringMatching(/says that it leaves 2.00 USD/)]);
  expect(foldEvents(ME, logged([['account-frozen', { reason: 'x' }]])).faults).toEqual([
    expect.stringMatching(/nothing here asks for a account-frozen/),
  ]);
});

test('closed things that are as many but not the same are a difference', () => {
  const hold = (id: string): Story => [
    [{ type: 'place-hold', ...mine, asset: 'USD', amount: '3' }, { holdId: id }],
    [
      { type: 'release-hold', ...mine, holdId: id },
      { holdId: id, remaining: '0.00' },
    ],
  ];
  const [one, other] = [booked(hold('h1')), booked(hold('h2'))].map((books) => books.of(ME).view());
  if (one === undefined || other === undefined) throw new Error('two books were made');
  expect(viewDifferences(one, one)).toEqual([]);
  expect(viewDifferences(one, other)).toEqual(["closed holds: as many as in the client's books (1), and not the same ones"]);
});

test.each<readonly [string, Story[number][0], Readonly<Record<string, string>>, Partial<Applied>]>([
  ['another rest of a hold', { type: 'capture-hold', ...mine, holdId: 'h2', amount: '1' }, { remaining: '1.00' }, {}],
  ['a hold that is not open', { type: 'release-hold', ...mine, holdId: 'h1' }, {}, {}],
  [
    'another status of an order',
    { type: 'fill-order', ...mine, orderId: 'o2', amountIn: '4', amountOut: '1' },
    { orderStatus: 'pending' },
    {},
  ],
  ['another coin', { type: 'update-coin', ...mine, symbol: 'btcusdt', quantity: '1' }, { symbol: 'ETH', quantity: '1' }, {}],
  ['a result without its id', { type: 'place-hold', ...mine, asset: 'USD', amount: '1' }, {}, {}],
  [
    'a balance below zero',
    { type: 'withdraw', ...mine, asset: 'USD', amount: '1' },
    {},
    { balances: [{ asset: 'USD', available: '-1.00', held: '0.00' }] as unknown as Applied['balances'] },
  ],
])('an answer that cannot be right is noticed: %s', (_, command, result, more) => {
  const books = booked(STORY);
  expect(() => books.applied(command, answer(result, more))).toThrow(WrongAnswer);
});
