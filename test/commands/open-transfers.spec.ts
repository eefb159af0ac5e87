import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTransfers } from '../../src/commands/open-transfers.ts';
import { makeOpenTransfers } from '../../src/commands/open-transfers.ts';
import type { RecordedEvent, StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { TransferIdSchema } from '../../src/domain/ids.ts';
import { deposited, newAccountId, newEvent, USD } from '../eventstore/new-events.ts';

const [FROM, TO] = [newAccountId(), newAccountId()];

/** The next event of a log, at a position some way behind the last one. */
function makeLog() {
  let position = 0n;
  return (accountId: AccountId, event: StoredEvent): RecordedEvent => {
    position += 7n;
    return { stream: accountStream(accountId), subject: { kind: 'account', accountId }, revision: 0n, position, ...newEvent(event) };
  };
}
function transferEvents() {
  const transferId = TransferIdSchema.parse(randomUUID());
  const line = { version: 1, transferId, asset: USD, amount: '1.00' } as const;
  return {
    transferId,
    sent: { type: 'transfer-sent', ...line, to: TO, balances: [] },
    received: { type: 'transfer-received', ...line, from: FROM, balances: [] },
    refused: { type: 'transfer-refused', ...line, from: FROM, reason: 'recipient_frozen' },
    completed: { type: 'transfer-completed', ...line, to: TO },
    returned: { type: 'transfer-returned', ...line, to: TO, reason: 'recipient_frozen', balances: [] },
  } satisfies Record<string, StoredEvent | string>;
}
const stepsOf = (transfers: OpenTransfers): string[] => {
  const keys: string[] = [];
  for (let step = transfers.next(); step !== undefined; step = transfers.next())
    keys.push(`${step.envelope.command.type} ${step.envelope.key}`);
  return keys;
};

describe('what a transfer waits for', () => {
  it.each(['received', 'refused'] as const)('is the recipient, then an end that follows from %s, then nothing', (answer) => {
    const [log, transfer, transfers] = [makeLog(), transferEvents(), makeOpenTransfers(undefined)];
    const { transferId } = transfer;
    transfers.read(log(FROM, transfer.sent));
    expect(stepsOf(transfers)).toEqual([`receive-transfer sys:receive-transfer:${transferId}`]);
    expect(stepsOf(transfers)).toEqual([]); // each is handed out once
    transfers.read(log(TO, transfer[answer]));
    const end = answer === 'received' ? 'complete-transfer' : 'return-transfer';
    expect(stepsOf(transfers)).toEqual([`${end} sys:end-transfer:${transferId}`]);
    transfers.read(log(FROM, answer === 'received' ? transfer.completed : transfer.returned));
    expect([stepsOf(transfers), transfers.size()]).toEqual([[], 0]);
  });

  it('is said by nobody else’s stream', () => {
    const [log, transfer, transfers] = [makeLog(), transferEvents(), makeOpenTransfers(undefined)];
    transfers.read(log(FROM, transfer.sent));
    stepsOf(transfers);
    const stranger = newAccountId();
    for (const event of [transfer.received, transfer.refused]) for (const by of [FROM, stranger]) transfers.read(log(by, event));
    for (const event of [transfer.completed, transfer.returned]) for (const by of [TO, stranger]) transfers.read(log(by, event));
    expect([stepsOf(transfers), transfers.size()]).toEqual([[], 1]);
  });

  it('is tried again only as long as it waits for it', () => {
    const [log, transfer, transfers] = [makeLog(), transferEvents(), makeOpenTransfers(undefined)];
    transfers.read(log(FROM, transfer.sent));
    const step = transfers.next();
    if (step === undefined) throw new Error('no step');
    transfers.again(step);
    expect(transfers.next()).toBe(step);
    transfers.read(log(TO, transfer.received));
    transfers.again(step);
    expect(stepsOf(transfers)).toEqual([`complete-transfer sys:end-transfer:${transfer.transferId}`]);
  });

  it('is the same when events come again', () => {
    const [log, transfer, other, transfers] = [makeLog(), transferEvents(), transferEvents(), makeOpenTransfers(undefined)];
    const before = log(FROM, deposited('1.00'));
    const events = [log(FROM, transfer.sent), log(TO, transfer.received), log(FROM, other.sent)];
    for (const event of [before, ...events, ...events]) transfers.read(event);
    expect(stepsOf(transfers).sort()).toEqual(
      [`complete-transfer sys:end-transfer:${transfer.transferId}`, `receive-transfer sys:receive-transfer:${other.transferId}`].sort(),
    );
    expect(transfers.checkpoint()).toEqual({ position: before.position, eventId: before.eventId });
  });
});

it('read again from its checkpoint, at whatever moment, the log leads to the same open transfers', () => {
  const lives = fc.array(fc.record({ isTaken: fc.boolean(), isEnded: fc.boolean() }), { maxLength: 8 });
  fc.assert(
    fc.property(lives, fc.infiniteStream(fc.nat(100)), (each, choices) => {
      const next = makeLog();
      const remaining = each.map(({ isTaken, isEnded }) => {
        const { sent, received, refused, completed, returned } = transferEvents();
        const steps: (readonly [AccountId, StoredEvent])[] = [
          [FROM, sent],
          [TO, isTaken ? received : refused],
        ];
        if (isEnded) steps.push([FROM, isTaken ? completed : returned]);
        return steps;
      });
      const log: RecordedEvent[] = [];
      for (let live = remaining; live.length > 0; live = live.filter((steps) => steps.length > 0)) {
        const step = live[choices.next().value % live.length]?.shift();
        if (step !== undefined) log.push(next(...step));
        if (choices.next().value % 3 === 0) log.push(next(FROM, deposited('1.00')));
      }
      const transfers = makeOpenTransfers(undefined);
      let checkpoint = -1n;
      for (const [index, event] of log.entries()) {
        transfers.read(event);
        const place = transfers.checkpoint();
        const from = place?.position ?? -1n;
        expect(from).toBeGreaterThanOrEqual(checkpoint);
        checkpoint = from;
        const restarted = makeOpenTransfers(place);
        for (const again of log.slice(0, index + 1)) if (again.position > from) restarted.read(again);
        expect([restarted.size(), restarted.checkpoint(), restarted.position()]).toEqual([transfers.size(), place, transfers.position()]);
      }
      const open = each.filter(({ isEnded }) => !isEnded).length;
      expect([transfers.size(), stepsOf(transfers).length]).toEqual([open, open]);
    }),
  );
});
