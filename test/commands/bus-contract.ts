// The contract of every bus, in-process or over a broker: what a sender may rely on. Run against real stores.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CommandAnswer, CommandBus, CommandEnvelope } from '../../src/commands/bus.ts';
import type { Command } from '../../src/domain/commands.ts';
import { AccountCommandSchema, RegisterAssetCommand } from '../../src/domain/commands.ts';
import { type AccountId, AccountIdSchema } from '../../src/domain/ids.ts';
import type { RejectionCode } from '../../src/domain/rejections.ts';

type Options = Partial<Pick<CommandEnvelope, 'dryRun' | 'ifMatch' | 'onlyOwner'>>;

/** Sends commands to one bus with as few words as possible. */
export function senderOf(bus: () => CommandBus) {
  const send = (command: Command, key: string, options: Options = {}): Promise<CommandAnswer> =>
    bus().send({ command, key, actor: 'tester', transport: 'internal', correlationId: randomUUID(), dryRun: false, ...options });
  const to = (accountId: AccountId, type: string, body: Record<string, unknown> = {}): Command =>
    AccountCommandSchema.parse({ type, accountId, ...body });
  const open = async (body: Record<string, unknown> = {}): Promise<AccountId> => {
    const accountId = AccountIdSchema.parse(randomUUID());
    expect(await send(to(accountId, 'open-account', body), 'open')).toMatchObject({ status: 'applied', revision: 0n });
    return accountId;
  };
  const usd = (accountId: AccountId, type: 'deposit' | 'withdraw', amount: string, more: Record<string, unknown> = {}): Command =>
    to(accountId, type, { asset: 'USD', amount, ...more });
  return { send, to, open, usd };
}

export const available = (answer: CommandAnswer): string | undefined =>
  answer.status === 'rejected' ? undefined : answer.balances[0]?.available;
export const refused = (code: RejectionCode): object => ({ status: 'rejected', rejection: { code } });

export function describeBus(name: string, bus: () => CommandBus): void {
  const { send, to, open, usd } = senderOf(bus);

  describe(`${name}: one effect`, () => {
    it('a key sent again gets the first answer, and nothing happens', async () => {
      const account = await open();
      const first = await send(usd(account, 'deposit', '10.00'), 'k');
      const again = await send(usd(account, 'deposit', '10'), 'k'); // the same amount, spelled otherwise
      expect(again).toEqual({ ...first, hit: true, position: expect.any(BigInt) });
      expect(available(await send(usd(account, 'deposit', '1.00'), 'next'))).toBe('11.00');
    });

    it('a key sent 50 times at once is applied once', async () => {
      const account = await open();
      const answers = await Promise.all(Array.from({ length: 50 }, () => send(usd(account, 'deposit', '10.00'), 'k')));
      expect(answers.filter(({ hit }) => !hit)).toHaveLength(1);
      expect(new Set(answers.map((answer) => (answer.status === 'applied' ? answer.result['entryId'] : answer.status)))).toHaveLength(1);
      expect(available(await send(usd(account, 'withdraw', '10.00'), 'all'))).toBe('0.00');
    });

    it('a key under another command is refused, and that is not kept', async () => {
      const account = await open();
      await send(usd(account, 'deposit', '10.00'), 'k');
      const reused = await send(usd(account, 'deposit', '20.00'), 'k');
      expect(reused).toMatchObject(refused('idempotency_key_reused'));
      expect(reused).not.toHaveProperty('revision');
      expect(await send(usd(account, 'withdraw', '10.00'), 'k')).toMatchObject(refused('idempotency_key_reused'));
      expect(await send(usd(account, 'deposit', '10.00'), 'k')).toMatchObject({ status: 'applied', hit: true });
    });

    it('two commands under one key at once: the first is applied, the other refused', async () => {
      const account = await open();
      const both = await Promise.all([send(usd(account, 'deposit', '1.00'), 'k'), send(usd(account, 'deposit', '200.00'), 'k')]);
      expect(both).toMatchObject([{ status: 'applied' }, refused('idempotency_key_reused')]);
      expect(await send(usd(account, 'withdraw', '1.01'), 'w')).toMatchObject(refused('insufficient_funds'));
    });

    it('the same key at another account is another command', async () => {
      const [one, other] = [await open(), await open()];
      const answers = await Promise.all([one, other].map((account) => send(usd(account, 'deposit', '10.00'), 'k')));
      expect(answers).toMatchObject([
        { status: 'applied', hit: false },
        { status: 'applied', hit: false },
      ]);
      expect(answers[0]?.commandId).not.toBe(answers[1]?.commandId);
    });

    it('a refusal is kept, whatever happens to the account afterwards', async () => {
      const account = await open();
      const first = await send(usd(account, 'withdraw', '5.00'), 'k');
      expect(first).toMatchObject({ ...refused('insufficient_funds'), hit: false, revision: 1n });
      await send(usd(account, 'deposit', '100.00'), 'd');
      expect(await send(usd(account, 'withdraw', '5.00'), 'k')).toEqual({ ...first, hit: true, position: expect.any(BigInt) });
    });

    it('an external id counts once per account, also within one batch', async () => {
      const account = await open();
      const paid = usd(account, 'deposit', '5.00', { externalId: 'wire-7' });
      const answers = await Promise.all([send(paid, 'a'), send(paid, 'b')]);
      expect(answers).toMatchObject([{ status: 'applied' }, refused('already_exists')]);
      expect(await send(paid, 'c')).toMatchObject(refused('already_exists'));
      expect(await send(usd(await open(), 'deposit', '5.00', { externalId: 'wire-7' }), 'a')).toMatchObject({ status: 'applied' });
    });
  });

  describe(`${name}: order`, () => {
    it('commands of one account sent without waiting are decided as sent', async () => {
      const account = await open();
      const steps = Array.from({ length: 300 }, (_, n) => usd(account, n % 2 === 0 ? 'deposit' : 'withdraw', '1.00'));
      const answers = await Promise.all(steps.map((command, n) => send(command, `${n}`)));
      expect(answers.map((answer) => available(answer))).toEqual(steps.map((_, n) => (n % 2 === 0 ? '1.00' : '0.00')));
      const revisions = answers.map(({ revision }) => revision);
      expect(revisions).toEqual(Array.from({ length: 300 }, (_, n) => BigInt(n + 1)));
    });

    it('positions never go back', async () => {
      const account = await open();
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => send(usd(account, 'deposit', '1.00'), `${n}`)));
      const positions = answers.map(({ position }) => position ?? -1n);
      expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    });
  });

  describe(`${name}: without effect`, () => {
    it('a dry run says what would happen and stores nothing', async () => {
      const account = await open();
      const dry = await send(usd(account, 'deposit', '10.00'), 'k', { dryRun: true });
      expect(dry).toMatchObject({ status: 'would_apply', revision: 0n, balances: [{ asset: 'USD', available: '10.00' }] });
      const dryRefusal = await send(usd(account, 'withdraw', '1.00'), 'k', { dryRun: true });
      expect(dryRefusal).toMatchObject(refused('insufficient_funds'));
      expect(dryRefusal).not.toHaveProperty('revision');
      expect(await send(usd(account, 'deposit', '7.00'), 'k')).toMatchObject({ status: 'applied', revision: 1n });
    });

    it('a precondition that does not hold refuses; an answered command is repeated all the same', async () => {
      const account = await open();
      expect(await send(usd(account, 'deposit', '1.00'), 'late', { ifMatch: 7n })).toMatchObject(refused('revision_mismatch'));
      const first = await send(usd(account, 'deposit', '1.00'), 'k', { ifMatch: 0n });
      expect(first).toMatchObject({ status: 'applied', revision: 1n });
      expect(await send(usd(account, 'deposit', '1.00'), 'k', { ifMatch: 0n })).toMatchObject({
        status: 'applied',
        hit: true,
        revision: 1n,
      });
      expect(await send(usd(account, 'deposit', '1.00'), 'late', { ifMatch: 1n })).toMatchObject({ status: 'applied', revision: 2n });
    });

    it('accounts that are not there, or somebody else’s, are not found', async () => {
      const nobody = AccountIdSchema.parse(randomUUID());
      const [owner, stranger] = [randomUUID(), randomUUID()];
      const account = await open({ ownerId: owner });
      expect(await send(usd(nobody, 'deposit', '1.00'), 'k')).toMatchObject(refused('account_not_found'));
      expect(await send(usd(account, 'deposit', '1.00'), 'k', { onlyOwner: stranger })).toMatchObject(refused('account_not_found'));
      expect(await send(usd(account, 'deposit', '1.00'), 'k', { onlyOwner: owner })).toMatchObject({ status: 'applied', revision: 1n });
    });

    it('a refusal that is not kept is decided afresh', async () => {
      const account = AccountIdSchema.parse(randomUUID());
      expect(await send(usd(account, 'deposit', '1.00'), 'k')).toMatchObject(refused('account_not_found'));
      await send(to(account, 'open-account'), 'open');
      expect(await send(usd(account, 'deposit', '1.00'), 'k')).toMatchObject({ status: 'applied', hit: false });
    });

    it('amounts that do not fit are refused before the account is looked at', async () => {
      const nobody = AccountIdSchema.parse(randomUUID());
      expect(await send(usd(nobody, 'deposit', '1.001'), 'k')).toMatchObject(refused('invalid_amount'));
    });
  });

  describe(`${name}: assets`, () => {
    const letters = (): string =>
      randomUUID()
        .replace(/[^a-f]/g, '')
        .toUpperCase()
        .slice(0, 6)
        .padEnd(6, 'X');
    const register = (code: string, scale = 3): Command =>
      RegisterAssetCommand.parse({ type: 'register-asset', code, name: code, kind: 'coin', scale });

    it('are registered once, and usable at once', async () => {
      const code = `Q${letters()}`;
      const account = await open();
      const deposit = to(account, 'deposit', { asset: code, amount: '0.001' });
      expect(await send(deposit, 'k')).toMatchObject(refused('unknown_asset'));
      const first = await send(register(code), 'r');
      expect(first).toMatchObject({ status: 'applied', result: { code } });
      expect(first).not.toHaveProperty('accountId');
      expect(await send(register(code), 'r')).toEqual({ ...first, hit: true, position: expect.any(BigInt) });
      expect(await send(register(code), 'other')).toMatchObject({ ...refused('already_exists'), revision: 1n });
      expect(await send(register(code), 'other')).toMatchObject({ ...refused('already_exists'), hit: true });
      expect(await send(deposit, 'k')).toMatchObject({ status: 'applied', balances: [{ asset: code, available: '0.001' }] });
    });
  });

  describe(`${name}: owners`, () => {
    it('a new account inherits the limits of its owner’s first one', async () => {
      const ownerId = randomUUID();
      const first = await open({ ownerId });
      await send(to(first, 'set-limits', { asset: 'USD', perWithdrawal: '5.00' }), 'limits');
      // The limits come from the projection, which may be a moment behind.
      await expect.poll(() => isLimited(ownerId)).toBe(true);
    });

    async function isLimited(ownerId: string): Promise<boolean> {
      const account = await open({ ownerId });
      await send(usd(account, 'deposit', '100.00'), 'd');
      const answer = await send(usd(account, 'withdraw', '5.01'), 'w');
      return answer.status === 'rejected' && answer.rejection.code === 'limit_exceeded';
    }
  });
}
