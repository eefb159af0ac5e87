import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeMailboxes, type PendingCommand } from '../../src/commands/mailbox.ts';
import type { Subject } from '../../src/domain/events.ts';
import { AccountIdSchema, commandIdOf } from '../../src/domain/ids.ts';
import { ACCOUNT, command } from '../domain/given.ts';

const subject: Subject = { kind: 'account', accountId: ACCOUNT };

function pendingCommand(key: string): PendingCommand {
  const envelope = {
    command: command('close-account'),
    key,
    actor: 'a',
    transport: 'internal' as const,
    correlationId: key,
    dryRun: false,
  };
  return { envelope, commandId: commandIdOf(AccountIdSchema.parse(ACCOUNT), key), commandHash: '', answer: () => {} };
}
const limits = { maxBatch: 3, maxWaitingPerStream: 5, maxWaiting: 8 };

describe('mailboxes', () => {
  it('hand over what waits together, in order, at most a batch at a time', async () => {
    const turns: string[][] = [];
    const mailboxes = makeMailboxes({
      ...limits,
      turn: async (_stream, _subject, waiting) => {
        turns.push(waiting.map(({ envelope }) => envelope.key));
        await sleep(1);
        return [];
      },
    });
    for (const key of ['1', '2', '3', '4', '5']) mailboxes.post('s', subject, pendingCommand(key));
    await mailboxes.idle();
    expect(turns).toEqual([
      ['1', '2', '3'],
      ['4', '5'],
    ]);
  });

  it('put what a turn did not take before what came later', async () => {
    const turns: string[][] = [];
    const mailboxes = makeMailboxes({
      ...limits,
      turn: async (_stream, _subject, waiting) => {
        turns.push(waiting.map(({ envelope }) => envelope.key));
        if (turns.length === 1) mailboxes.post('s', subject, pendingCommand('late'));
        return turns.length === 1 ? waiting.slice(1) : [];
      },
    });
    for (const key of ['1', '2', '3']) mailboxes.post('s', subject, pendingCommand(key));
    await mailboxes.idle();
    expect(turns).toEqual([
      ['1', '2', '3'],
      ['2', '3', 'late'],
    ]);
    expect(mailboxes.size()).toBe(0);
  });

  it('do not wait for each other', async () => {
    const finished: string[] = [];
    let release = (): void => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const mailboxes = makeMailboxes({
      ...limits,
      turn: async (stream) => {
        if (stream === 'slow') await blocked;
        finished.push(stream);
        if (stream === 'fast') release();
        return [];
      },
    });
    mailboxes.post('slow', subject, pendingCommand('1'));
    mailboxes.post('fast', subject, pendingCommand('2'));
    await mailboxes.idle();
    expect(finished).toEqual(['fast', 'slow']);
  });

  it('are bounded, per stream and in all', async () => {
    const mailboxes = makeMailboxes({ ...limits, turn: async () => [] });
    const taken = Array.from({ length: 7 }, (_, n) => mailboxes.post('one', subject, pendingCommand(`${n}`)));
    expect(taken).toEqual([true, true, true, true, true, false, false]);
    const others = Array.from({ length: 4 }, (_, n) => mailboxes.post(`other-${n}`, subject, pendingCommand(`o${n}`)));
    expect(others).toEqual([true, true, true, false]);
    await mailboxes.idle();
    expect(mailboxes.post('one', subject, pendingCommand('again'))).toBe(true);
    await mailboxes.idle();
  });
});
