import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks, expectNothingUnderWay } from './books.ts';
import type { Command, Outcome } from './clients.ts';
import { applyAll, balanceOf, entriesOf, latestPosition, send, sendBulk, tally } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';
import type { LogEvent } from './log.ts';
import { makeGenerator, TYPES } from './mixed-commands.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

const SEED = 20_260_131;
const CLIENTS = 8;
const ROUNDS = 25;
/** Of a round: most commands go in one request, the rest beside it in requests of their own. */
const IN_BULK = 240;
const SINGLE = 10;
const ACCOUNTS = 400;

const SAID = [
  '200',
  '201',
  '400 invalid_amount',
  '400 malformed_request', // a fee that is not in the order's tokenOut
  '400 unknown_asset',
  '404 account_not_found',
  '404 entry_not_found',
  '404 hold_not_found',
  '404 not_found', // a coin to remove, of which there is none
  '404 order_not_found',
  '409 already_exists',
  '409 hold_not_open',
  '409 order_not_open',
  '422 account_closed',
  '422 account_frozen',
  '422 account_not_empty',
  '422 already_reversed',
  '422 amount_out_of_range',
  '422 idempotency_key_reused',
  '422 insufficient_funds',
  '422 insufficient_held',
  '422 limit_exceeded',
  '422 not_reversible',
  '422 price_not_met',
  '422 recipient_not_found',
  '422 same_account',
];
const EVENTS = [
  'account-closed',
  'account-frozen',
  'account-opened',
  'account-unfrozen',
  'asset-registered',
  'coin-removed',
  'coin-updated',
  'command-rejected',
  'deposited',
  'entry-reversed',
  'fill-repeated',
  'hold-captured',
  'hold-expired',
  'hold-placed',
  'hold-released',
  'limits-set',
  'order-cancelled',
  'order-expired',
  'order-filled',
  'order-placed',
  'transfer-completed',
  'transfer-received',
  'transfer-refused',
  'transfer-returned',
  'transfer-sent',
  'withdrawn',
];

interface Answered {
  readonly command: Command;
  readonly answer: Outcome;
}

/** Sends one client's commands, round after round, each round to the other process. */
async function runClient(client: number, accounts: readonly string[]): Promise<readonly Answered[]> {
  const generator = makeGenerator(`c${client}`, SEED + client, accounts);
  const answered: Answered[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const url = ledgers.urls()[(client + round) % 2 === 0 ? 0 : 1];
    const commands = Array.from({ length: IN_BULK + SINGLE }, () => generator.next());
    const anyone = accounts[(client * 31 + round * 7) % ACCOUNTS] ?? '';
    generator.find(anyone, await entriesOf(url, anyone, 'transfer-received'));
    const [inBulk, single] = [commands.slice(0, IN_BULK), commands.slice(IN_BULK)];
    const [bulk, ...others] = await Promise.all([sendBulk(url, inBulk), ...single.map((command) => send(url, command))]);
    for (const [n, answer] of [...bulk, ...others].entries()) {
      const command = commands[n];
      if (command === undefined) throw new Error(`answer ${n} is to nothing`);
      generator.learn(command, answer);
      answered.push({ command, answer });
    }
  }
  return answered;
}

/** What the answer to a command says it made, by the event of it. */
function madeBy({ type }: Command, { id, type: eventType, data }: LogEvent): Record<string, unknown> {
  switch (type) {
    case 'open-account':
      return { accountId: expect.any(String) };
    case 'deposit':
    case 'withdraw':
      return { entryId: id };
    case 'transfer':
      return { transferId: id, state: 'pending' };
    case 'update-coin':
    case 'remove-coin':
      return { symbol: data['asset'], quantity: data['quantity'] };
    case 'place-hold':
      return { holdId: id };
    case 'capture-hold':
      return { holdId: data['holdId'], remaining: data['remaining'] };
    case 'release-hold':
      return { holdId: data['holdId'], remaining: expect.stringMatching(/^0(\.0+)?$/) };
    case 'place-order':
      return { orderId: id };
    case 'fill-order':
      return { fillId: id, orderStatus: data['orderStatus'] };
    case 'cancel-order':
      return { orderId: data['orderId'], orderStatus: 'cancelled' };
    case 'reverse':
      return eventType === 'transfer-sent' ? { entryId: id, transferId: id, state: 'pending' } : { entryId: id };
    case 'freeze-account':
    case 'unfreeze-account':
    case 'close-account':
    case 'set-limits':
      return {};
  }
}

const placeOf = (account: string, revision: unknown): string => `account-${account}@${revision}`;

/** Expects the answer to say what the event it stands on says. The figures of the event itself are the auditor's. */
function expectAsStored({ command, answer: { httpStatus, body } }: Answered, event: LogEvent | undefined): void {
  if (body.status === 'applied') {
    expect(event, `${command.type} ${command.key}`).toBeDefined();
    if (event === undefined) return;
    expect(body.result).toEqual(madeBy(command, event));
    expect(body.balances).toEqual(event.data['balances'] ?? []);
    // A fill that was reported again stands on the first report's event.
    if (event.type !== 'order-filled') expect(event.metadata['key']).toBe(command.key);
    return;
  }
  expect(httpStatus).toBe(body.status);
  if (body.revision === undefined) return;
  expect(event?.metadata['key']).toBe(command.key);
  expect(event?.data).toMatchObject({ commandType: command.type, code: body.code });
  expect(body).toMatchObject(Object(event?.data['fields']));
}

test('50,000 mixed commands over two processes: every answer is what is stored, and the books are equal', async () => {
  const accounts = Array.from({ length: ACCOUNTS }, () => randomUUID());
  const begun = await applyAll(
    ledgers.urls()[0],
    accounts.flatMap((accountId): Command[] => [
      { type: 'open-account', key: 'open', accountId },
      { type: 'deposit', key: 'USD', accountId, asset: 'USD', amount: '100.00' },
      { type: 'update-coin', key: 'BTC', accountId, symbol: 'BTC', quantity: '2' },
    ]),
  );
  // The clients read what has reached the accounts: they have to be found.
  await balanceOf(ledgers.urls()[0], accounts[0] ?? '', 'USD', latestPosition(begun));
  const answered = (await Promise.all(Array.from({ length: CLIENTS }, (_, client) => runClient(client, accounts)))).flat();
  await expectNothingUnderWay(ledgers.audit);
  const { log } = await expectBalancedBooks(ledgers.audit);

  expect(answered).toHaveLength(CLIENTS * ROUNDS * (IN_BULK + SINGLE));
  const byPlace = new Map(log.map((event) => [`${event.stream}@${event.revision}`, event]));
  for (const one of answered) expectAsStored(one, byPlace.get(placeOf(one.command.accountId, one.answer.body.revision)));

  // Nothing is stored but what was answered so, each once.
  const stored = log.filter(({ metadata }) => /^c\d+\.\d+$/.test(String(metadata['key'])));
  const storedKeys = stored.map(({ stream, metadata }) => `${stream} ${metadata['key']}`);
  const answeredKeys = answered
    .filter(({ answer }) => answer.body.revision !== undefined)
    .map(({ command }) => `account-${command.accountId} ${command.key}`);
  expect(storedKeys.sort()).toEqual([...new Set(answeredKeys)].sort());

  // Everything came up: every command was applied, every event written, every refusal said.
  const applied = answered.filter(({ answer }) => answer.body.status === 'applied');
  expect(new Set(applied.map(({ command }) => command.type))).toEqual(new Set(TYPES));
  expect(Object.keys(tally(answered.map(({ answer }) => answer))).sort()).toEqual(SAID);
  expect([...new Set(log.map(({ type }) => type))].sort()).toEqual(EVENTS);
});
