import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandBus } from '../../src/commands/bus.ts';
import type { CommandSide } from '../../src/commands/command-side.ts';
import { makeInProcessBus } from '../../src/commands/in-process-bus.ts';
import { RegisterAssetCommand } from '../../src/domain/commands.ts';
import { accountStream } from '../../src/domain/events.ts';
import { AccountIdSchema, AssetCodeSchema, assetScopeOf } from '../../src/domain/ids.ts';
import { rejection } from '../../src/domain/rejections.ts';
import { available, refused, senderOf } from './bus-contract.ts';
import type { CommandStack } from './command-stack.ts';
import { startCommandStack } from './command-stack.ts';

let stack: CommandStack;
beforeEach(async () => {
  stack = await startCommandStack();
});
afterEach(() => stack.close());
const { send, open, usd, to } = senderOf(() => makeInProcessBus(stack.commands));

const busOf = (commands: CommandSide): (() => CommandBus) => {
  const bus = makeInProcessBus(commands);
  return () => bus;
};
async function revisionsOf(accountId: string): Promise<bigint[]> {
  const revisions: bigint[] = [];
  for await (const { revision } of stack.store.streams.read(accountStream(AccountIdSchema.parse(accountId)), 0n)) revisions.push(revision);
  return revisions;
}

describe('a turn', () => {
  it('appends what waits together in one call, at most 128 events', async () => {
    const account = await open();
    stack.seen.appends.length = 0;
    await Promise.all(Array.from({ length: 500 }, (_, n) => send(usd(account, 'deposit', '1.00'), `${n}`)));
    expect(stack.seen.appends.reduce((sum, events) => sum + events, 0)).toBe(500);
    expect(Math.max(...stack.seen.appends)).toBe(128);
    expect(stack.seen.appends.length).toBeLessThan(20);
  });

  it('splits what would be too large for one append', async () => {
    const account = await open();
    const metadata = { note: 'x'.repeat(4000) };
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => send(usd(account, 'deposit', '1.00', { metadata }), `${n}`)));
    expect(answers.map((answer) => available(answer)).at(-1)).toBe('100.00');
    expect(stack.seen.failures).toEqual([]);
    expect(Math.max(...stack.seen.appends)).toBeLessThan(100);
  });

  it('that finds another writer ahead decides again, on the truth', async () => {
    const account = await open();
    const other = senderOf(busOf(stack.another()));
    const mine = await send(usd(account, 'deposit', '100.00'), 'd');
    const theirs = Array.from({ length: 100 }, (_, n) => other.send(usd(account, 'withdraw', '1.00'), `their-${n}`));
    const ours = Array.from({ length: 100 }, (_, n) => send(usd(account, 'withdraw', '1.00'), `our-${n}`));
    const answers = await Promise.all([...theirs, ...ours]);
    expect(mine.status).toBe('applied');
    expect(answers.filter(({ status }) => status === 'applied')).toHaveLength(100);
    expect(answers.filter((answer) => answer.status === 'rejected' && answer.rejection.code === 'insufficient_funds')).toHaveLength(100);
    expect(await send(usd(account, 'withdraw', '0.01'), 'last')).toMatchObject(refused('insufficient_funds'));
    expect(await revisionsOf(account)).toHaveLength(203);
  });
});

describe('keyed facts', () => {
  it('are known however much of the stream is projected, and whoever asks', async () => {
    await stack.projector.stop(); // from here on nothing more is projected
    const account = await open();
    const first = await send(usd(account, 'deposit', '5.00', { externalId: 'wire' }), 'k');
    const elsewhere = senderOf(busOf(stack.another()));
    expect(await elsewhere.send(usd(account, 'deposit', '5.00', { externalId: 'wire' }), 'k')).toEqual({ ...first, hit: true });
    expect(await elsewhere.send(usd(account, 'deposit', '5.00', { externalId: 'wire' }), 'other')).toMatchObject(refused('already_exists'));
  });

  it('are known after many more commands, in memory and out of it', async () => {
    const account = await open();
    const first = await send(usd(account, 'deposit', '5.00'), 'k');
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 400 }, (_, n) => send(usd(account, 'deposit', '1.00'), `${round}-${n}`)));
      expect(await send(usd(account, 'deposit', '5.00'), 'k')).toEqual({ ...first, hit: true, position: expect.any(BigInt) });
    }
    const elsewhere = senderOf(busOf(stack.another()));
    expect(await elsewhere.send(usd(account, 'deposit', '5.00'), 'k')).toMatchObject({ hit: true, revision: first.revision });
  });
});

describe('an account whose id is the scope of an asset’s keys', () => {
  it('and the asset may both use a key, and neither takes the other’s outcome for its own', async () => {
    const code = AssetCodeSchema.parse('ZQ1');
    const account = assetScopeOf(code);
    const asset = RegisterAssetCommand.parse({ type: 'register-asset', code, name: 'Z', kind: 'coin', scale: 1 });
    expect(await send(to(account, 'open-account'), 'K')).toMatchObject({ status: 'applied', hit: false });
    const registered = await send(asset, 'K');
    expect(registered).toMatchObject({ status: 'applied', hit: false, result: { code } });
    await expect.poll(() => stack.projector.status().position).toBe(registered.position);
    const elsewhere = senderOf(busOf(stack.another()));
    expect(await elsewhere.send(to(account, 'open-account'), 'K')).toMatchObject({ hit: true, result: { accountId: account } });
    expect(await elsewhere.send(asset, 'K')).toMatchObject({ hit: true, result: { code } });
  });
});

describe('doubt', () => {
  it('while the store is away nothing is attempted, and that is what is said', async () => {
    const account = await open();
    const fresh = senderOf(busOf(stack.another()));
    await stack.stores.eventStore.kill();
    const nobody = AccountIdSchema.parse(randomUUID());
    expect(await fresh.send(usd(nobody, 'deposit', '1.00'), 'k')).toMatchObject(refused('store_unavailable'));
    await stack.stores.eventStore.restart();
    await expect.poll(() => fresh.send(usd(account, 'deposit', '1.00'), 'k')).toMatchObject({ status: 'applied' });
  });

  it('an append without an answer is settled by the same bytes once the store is back', async () => {
    const account = await open();
    await stack.stores.eventStore.kill();
    const answers = Array.from({ length: 10 }, (_, n) => send(usd(account, 'deposit', '1.00'), `${n}`));
    await stack.stores.eventStore.restart();
    expect((await Promise.all(answers)).map((answer) => available(answer))).toEqual(Array.from({ length: 10 }, (_, n) => `${n + 1}.00`));
    expect(await revisionsOf(account)).toHaveLength(11);
  });

  it('an append that stays without an answer is unknown, until it is asked again with the same key', async () => {
    const impatient = stack.another({
      limits: { mailboxCommands: 10, queueCommands: 10, cachedAccounts: 10, doubtBudgetMs: 0, conflictBudgetMs: 10_000 },
    });
    const { send: ask, open: openHere } = senderOf(() => makeInProcessBus(impatient));
    const account = await openHere();
    expect(await ask(usd(account, 'deposit', '1.00'), 'first')).toMatchObject({ status: 'applied' });
    await stack.stores.eventStore.kill();
    expect(await ask(usd(account, 'deposit', '1.00'), 'k')).toMatchObject(refused('outcome_unknown'));
    // Still in doubt: that the store is away now says nothing of the first attempt.
    expect(await ask(usd(account, 'deposit', '1.00'), 'k')).toMatchObject(refused('outcome_unknown'));
    expect(await ask(usd(account, 'deposit', '1.00'), 'other')).toMatchObject(refused('store_unavailable'));
    await stack.stores.eventStore.restart();
    await expect.poll(() => ask(usd(account, 'deposit', '1.00'), 'k')).toMatchObject({ status: 'applied' });
    expect(await ask(usd(account, 'withdraw', '2.01'), 'w')).toMatchObject(refused('insufficient_funds'));
  });

  it('ends in time where the clock is set back', async () => {
    let nowMs = Date.now();
    const setBack = stack.another({
      now: () => {
        nowMs -= 3_600_000;
        return nowMs;
      },
      limits: { mailboxCommands: 10, queueCommands: 10, cachedAccounts: 10, doubtBudgetMs: 100, conflictBudgetMs: 10_000 },
    });
    const { send: ask, open: openHere } = senderOf(() => makeInProcessBus(setBack));
    const account = await openHere();
    expect(await ask(usd(account, 'deposit', '1.00'), 'first')).toMatchObject({ status: 'applied' });
    await stack.stores.eventStore.kill();
    const answer = ask(usd(account, 'deposit', '1.00'), 'k');
    expect(await Promise.race([answer, sleep(15_000)])).toMatchObject(refused('outcome_unknown'));
    await stack.stores.eventStore.restart();
    await expect.poll(() => ask(usd(account, 'deposit', '1.00'), 'k')).toMatchObject({ status: 'applied' });
  });
});

describe('admission', () => {
  it('refuses before anything is looked at, and says why', async () => {
    const account = await open();
    const behind = senderOf(busOf(stack.another({ admission: () => rejection('projection_behind', 'too far') })));
    expect(await behind.send(usd(account, 'deposit', '1.00'), 'k')).toMatchObject(refused('projection_behind'));
    expect(await revisionsOf(account)).toHaveLength(1);
  });

  it('refuses what would wait behind too many, and keeps the order of the rest', async () => {
    const account = await open();
    const small = stack.another({
      limits: { mailboxCommands: 20, queueCommands: 100, cachedAccounts: 10, doubtBudgetMs: 1000, conflictBudgetMs: 10_000 },
    });
    const crowded = senderOf(() => makeInProcessBus(small));
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => crowded.send(usd(account, 'deposit', '1.00'), `${n}`)));
    const applied = answers.filter(({ status }) => status === 'applied');
    expect(applied).toHaveLength(20);
    expect(answers.slice(20).every((answer) => answer.status === 'rejected' && answer.rejection.code === 'overloaded')).toBe(true);
    await small.drain();
    expect(small.waiting()).toBe(0);
  });

  it('never says of a command under way that it will not be applied', async () => {
    const account = await open();
    const small = stack.another({
      limits: { mailboxCommands: 1, queueCommands: 100, cachedAccounts: 10, doubtBudgetMs: 1000, conflictBudgetMs: 10_000 },
    });
    const { send: ask } = senderOf(() => makeInProcessBus(small));
    const first = ask(usd(account, 'deposit', '1.00'), 'k');
    const repeat = ask(usd(account, 'deposit', '1.00'), 'k');
    const other = ask(usd(account, 'deposit', '1.00'), 'other');
    const drained = small.drain();
    const late = ask(usd(account, 'deposit', '1.00'), 'k');
    expect(await repeat).toMatchObject(refused('outcome_unknown'));
    expect(await other).toMatchObject(refused('overloaded'));
    expect(await late).toMatchObject(refused('outcome_unknown'));
    expect(await first).toMatchObject({ status: 'applied', hit: false });
    await drained;
    expect(await ask(usd(account, 'deposit', '1.00'), 'k')).toMatchObject(refused('overloaded'));
  });

  it('a handler that drains answers what it has and takes no more', async () => {
    const account = await open();
    const leaving = stack.another();
    const last = senderOf(() => makeInProcessBus(leaving));
    const taken = Array.from({ length: 20 }, (_, n) => last.send(usd(account, 'deposit', '1.00'), `${n}`));
    const drained = leaving.drain();
    expect(await last.send(to(account, 'close-account'), 'late')).toMatchObject(refused('overloaded'));
    await drained;
    expect((await Promise.all(taken)).every(({ status }) => status === 'applied')).toBe(true);
  });
});
