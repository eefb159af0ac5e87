// What has ended is looked up: in memory, in Postgres, in the log, or partly in each. A decision must not be able to tell which.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandAnswer } from '../../src/commands/bus.ts';
import type { CommandSide } from '../../src/commands/command-side.ts';
import type { Command } from '../../src/domain/commands.ts';
import { AccountCommandSchema, INTERNAL_COMMANDS } from '../../src/domain/commands.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { AccountIdSchema, TransferIdSchema } from '../../src/domain/ids.ts';
import { refused } from './bus-contract.ts';
import type { CommandStack } from './command-stack.ts';
import { startCommandStack } from './command-stack.ts';

let stack: CommandStack;
beforeEach(async () => {
  stack = await startCommandStack();
});
afterEach(() => stack.close());

type Sent = CommandAnswer & { readonly result?: Readonly<Record<string, string>> };
const sendTo =
  (commands: CommandSide) =>
  async (command: Command, options: { readonly key?: string; readonly dryRun?: boolean } = {}): Promise<Sent> =>
    await commands.handle({
      command,
      key: options.key ?? randomUUID(),
      actor: 'somebody',
      transport: 'internal',
      correlationId: 'c',
      dryRun: options.dryRun ?? false,
    });
const to = (accountId: AccountId, type: string, body: object = {}): Command => AccountCommandSchema.parse({ type, accountId, ...body });
const usd = (amount: string) => ({ asset: 'USD', amount });
const made = (answer: Sent, name: string): string => {
  expect(answer, JSON.stringify(answer.status)).toMatchObject({ status: 'applied' });
  return answer.result?.[name] ?? '';
};

interface Past {
  readonly accountId: AccountId;
  readonly deposit: string;
  readonly reversed: string;
  readonly hold: string;
  readonly openHold: string;
  readonly executed: string;
  readonly cancelled: string;
  readonly received: string;
  readonly firstFill: Sent;
}
const FILL = { amountIn: '10.00', amountOut: '9.00', fee: { asset: 'EUR', amount: '0.50' }, txHash: '0xabc', logIndex: 1 };
const MARKET = { tokenIn: 'USD', tokenOut: 'EUR', amountIn: '10.00', orderType: 'MARKET' };

/** An account in which everything that can end has ended; `halfWay` is awaited in the middle. */
async function live(send: ReturnType<typeof sendTo>, halfWay: () => Promise<void>): Promise<Past> {
  const [accountId, sender] = [AccountIdSchema.parse(randomUUID()), AccountIdSchema.parse(randomUUID())];
  await send(to(accountId, 'open-account'));
  await send(to(sender, 'open-account'));
  await send(to(sender, 'deposit', usd('50.00')));
  const deposit = made(await send(to(accountId, 'deposit', usd('100.00'))), 'entryId');
  const reversed = made(await send(to(accountId, 'deposit', usd('1.00'))), 'entryId');
  const hold = made(await send(to(accountId, 'place-hold', usd('5.00'))), 'holdId');
  const openHold = made(await send(to(accountId, 'place-hold', usd('5.00'))), 'holdId');
  const executed = made(await send(to(accountId, 'place-order', MARKET)), 'orderId');
  const firstFill = await send(to(accountId, 'fill-order', { orderId: executed, ...FILL }));
  const cancelled = made(await send(to(accountId, 'place-order', MARKET)), 'orderId');
  const transferId = TransferIdSchema.parse(made(await send(to(sender, 'transfer', { to: accountId, ...usd('7.00') })), 'transferId'));
  await halfWay();
  await send(to(accountId, 'release-hold', { holdId: hold }));
  await send(to(accountId, 'cancel-order', { orderId: cancelled }));
  await send(to(accountId, 'reverse', { eventId: reversed, reason: 'r' }));
  await send(receive(accountId, { transferId, from: sender, ...usd('7.00') }));
  const received = await lastEventId(accountId);
  await send(endOf('complete-transfer', sender, { transferId }));
  return { accountId, deposit, reversed, hold, openHold, executed, cancelled, received, firstFill };
}
const receive = (accountId: AccountId, body: object): Command =>
  INTERNAL_COMMANDS['receive-transfer'].parse({ type: 'receive-transfer', accountId, ...body });
const endOf = (type: 'complete-transfer' | 'return-transfer', accountId: AccountId, body: object): Command =>
  INTERNAL_COMMANDS[type].parse({ type, accountId, ...body });

async function lastEventId(accountId: AccountId): Promise<string> {
  let last = '';
  for await (const { eventId } of stack.store.streams.read(`account-${accountId}`, 0n)) last = eventId;
  return last;
}

async function projected(): Promise<void> {
  const head = await stack.store.streams.head();
  await expect.poll(() => stack.projector.status().position).toBe(head?.position);
}

/** Who is asked, and how much of the account they find where. */
const VANTAGES: Readonly<Record<string, () => Promise<{ readonly past: Past; readonly send: ReturnType<typeof sendTo> }>>> = {
  'in the memory of the process that did it': async () => {
    const send = sendTo(stack.commands);
    return { past: await live(send, async () => {}), send };
  },
  'in the memory of the process that did it, and in Postgres': async () => {
    const send = sendTo(stack.commands);
    const past = await live(send, projected);
    await projected();
    return { past, send };
  },
  'in Postgres': async () => {
    const past = await live(sendTo(stack.commands), async () => {});
    await projected();
    return { past, send: sendTo(stack.another()) };
  },
  'in the log': async () => {
    await stack.projector.stop();
    return { past: await live(sendTo(stack.commands), async () => {}), send: sendTo(stack.another()) };
  },
  'in Postgres and, the rest, in the log': async () => {
    const past = await live(sendTo(stack.commands), async () => {
      await projected();
      await stack.projector.stop();
    });
    return { past, send: sendTo(stack.another()) };
  },
  'in memory, which has read all of the log after some look-ups': async () => {
    const past = await live(sendTo(stack.commands), async () => {});
    await projected();
    const send = sendTo(stack.another());
    for (let times = 0; times < 4; times += 1)
      expect(await send(to(past.accountId, 'release-hold', { holdId: past.hold }), { dryRun: true })).toMatchObject(
        refused('hold_not_open'),
      );
    await stack.projector.stop();
    for (const table of ['command_outcomes', 'holds', 'orders', 'order_fills', 'postings'] as const)
      await stack.database.db.deleteFrom(table).execute(); // nobody looks there any more
    return { past, send };
  },
};

describe.each(Object.keys(VANTAGES))('what has ended, found %s', (vantage) => {
  const arrive = () => VANTAGES[vantage]?.() ?? Promise.reject(new Error(vantage));

  it('is known: closed holds and orders, fills, entries and their reversals', async () => {
    const { past, send } = await arrive();
    const { accountId, executed, cancelled, firstFill } = past;
    const ask = (type: string, body: object) => send(to(accountId, type, body));
    expect(await ask('capture-hold', { holdId: past.hold })).toMatchObject(refused('hold_not_open'));
    expect(await ask('release-hold', { holdId: executed })).toMatchObject(refused('hold_not_found'));
    expect(await ask('cancel-order', { orderId: executed })).toMatchObject(refused('order_not_open'));
    expect(await ask('cancel-order', { orderId: cancelled })).toMatchObject(refused('order_not_open'));
    expect(await ask('cancel-order', { orderId: past.hold })).toMatchObject(refused('order_not_found'));

    const again = await ask('fill-order', { orderId: executed, ...FILL, amountIn: '10.0' });
    expect(again).toMatchObject({ status: 'applied', hit: true });
    const { balances, result, revision } = { balances: [], result: {}, revision: -1n, ...firstFill };
    expect(again).toMatchObject({ balances, result, revision });
    expect(await ask('fill-order', { orderId: executed, ...FILL, amountOut: '9.01' })).toMatchObject(refused('already_exists'));
    expect(await ask('fill-order', { orderId: executed, ...FILL, logIndex: 2 })).toMatchObject(refused('order_not_open'));

    const reverse = (eventId: string, dryRun = false) => send(to(accountId, 'reverse', { eventId, reason: 'r' }), { dryRun });
    expect(await reverse(past.reversed)).toMatchObject(refused('already_reversed'));
    expect(await reverse(past.openHold)).toMatchObject(refused('not_reversible'));
    expect(await reverse(randomUUID())).toMatchObject(refused('entry_not_found'));
    expect(await reverse(past.deposit, true)).toMatchObject(refused('insufficient_funds'));
    expect(await reverse(past.received, true)).toMatchObject({ status: 'would_apply', balances: [{ asset: 'USD' }] });
  });

  it('is known: what is open', async () => {
    const { past, send } = await arrive();
    const captured = await send(to(past.accountId, 'capture-hold', { holdId: past.openHold, amount: '2.00' }));
    expect(captured).toMatchObject({ status: 'applied', result: { remaining: '3.00' } });
    expect(await send(to(past.accountId, 'close-account'))).toMatchObject(refused('account_not_empty'));
  });
});

it('a received transfer that was sent back, and came back, can be reversed again', async () => {
  const send = sendTo(stack.commands);
  const { accountId, received } = await live(send, async () => {});
  const reverse = () => send(to(accountId, 'reverse', { eventId: received, reason: 'r' }));
  const transferId = made(await reverse(), 'transferId');
  expect(await reverse()).toMatchObject(refused('already_reversed'));
  await projected();
  expect(await sendTo(stack.another())(to(accountId, 'reverse', { eventId: received, reason: 'r' }))).toMatchObject(
    refused('already_reversed'),
  );
  await send(endOf('return-transfer', accountId, { transferId, reason: 'recipient_frozen' }), { key: 'sys:end' });
  expect(await send(endOf('complete-transfer', accountId, { transferId }), { key: 'sys:end' })).toMatchObject(
    refused('idempotency_key_reused'),
  );
  expect(await send(endOf('return-transfer', accountId, { transferId, reason: 'recipient_frozen' }))).toMatchObject(refused('not_found'));
  expect(await sendTo(stack.another())(to(accountId, 'reverse', { eventId: received, reason: 'again' }))).toMatchObject({
    status: 'applied',
  });
  expect(await reverse()).toMatchObject(refused('already_reversed'));
});

it('a recipient whose account was opened a moment ago, elsewhere, is found', async () => {
  await stack.projector.stop();
  const [mine, theirs] = [sendTo(stack.commands), sendTo(stack.another())];
  const [accountId, recipient] = [AccountIdSchema.parse(randomUUID()), AccountIdSchema.parse(randomUUID())];
  await mine(to(accountId, 'open-account'));
  await mine(to(accountId, 'deposit', usd('1.00')));
  const transfer = () => mine(to(accountId, 'transfer', { to: recipient, ...usd('1.00') }));
  expect(await transfer()).toMatchObject(refused('recipient_not_found'));
  await theirs(to(recipient, 'open-account'));
  expect(await transfer()).toMatchObject({ status: 'applied', result: { state: 'pending' } });
});

it('an internal command that has no effect leaves no event', async () => {
  const send = sendTo(stack.commands);
  const { accountId } = await live(send, async () => {});
  const before = await lastEventId(accountId);
  const nothing = INTERNAL_COMMANDS['expire-hold'].parse({ type: 'expire-hold', accountId, holdId: randomUUID() });
  expect(await send(nothing, { key: 'sys:expire-hold:x' })).toMatchObject(refused('not_found'));
  expect(await lastEventId(accountId)).toBe(before);
});
