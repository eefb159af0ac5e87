// The transfers that were sent and have not ended, as far as the log was read: which step each waits for, and where the log
// has to be read again after a restart so that none is forgotten.
import { scopeOf } from '../domain/commands.ts';
import type { RecordedEvent, TransferReceived, TransferRefused, TransferSent } from '../domain/events.ts';
import type { AccountId, TransferId } from '../domain/ids.ts';
import type { LogPlace } from '../postgres/leases.ts';
import type { CommandEnvelope } from './bus.ts';
import type { Cause } from './internal-command.ts';
import { internalCommand } from './internal-command.ts';

/** A command that brings a transfer on. */
export interface TransferStep {
  readonly transferId: TransferId;
  readonly envelope: CommandEnvelope;
  /** How often it was sent and not applied. */
  tries: number;
}

interface OpenTransfer {
  readonly from: AccountId;
  readonly to: AccountId;
  /** The last event read before it was sent. */
  readonly before: LogPlace | undefined;
  /** The step that it waits for. */
  step: TransferStep;
}

export interface OpenTransfers {
  /** Takes in the next event of the log; nothing happens where it was read before. */
  read(recorded: RecordedEvent): void;
  /** Hands out a step to be taken, oldest first; each once. */
  next(): TransferStep | undefined;
  /** Takes a step back that is to be taken once more; nothing happens where its transfer waits for it no more. */
  again(step: TransferStep): void;
  /** The place after which the log is to be read again: no transfer sent before it is open. Never moves back. */
  checkpoint(): LogPlace | undefined;
  /** Of the last event read; -1n before the first. */
  position(): bigint;
  size(): number;
}

const causeOf = ({ eventId, metadata: { correlationId, traceparent } }: RecordedEvent): Cause => ({ eventId, correlationId, traceparent });

/** Nothing is open up to `start`. */
export function makeOpenTransfers(start: LogPlace | undefined): OpenTransfers {
  /** In the order in which they were sent. */
  const open = new Map<TransferId, OpenTransfer>();
  const due = new Set<TransferStep>();
  let last = start;

  const newStep = (transferId: TransferId, envelope: CommandEnvelope): TransferStep => {
    const step = { transferId, envelope, tries: 0 };
    due.add(step);
    return step;
  };

  // Only the sender's stream sends and ends a transfer, only the recipient's takes or refuses it.
  function sent(recorded: RecordedEvent, from: AccountId, { transferId, to, asset, amount, reference }: TransferSent): void {
    const command = { type: 'receive-transfer', accountId: to, transferId, from, asset, amount } as const;
    const withReference = reference === undefined ? command : { ...command, reference };
    const envelope = internalCommand(withReference, 'receive-transfer', transferId, causeOf(recorded));
    open.set(transferId, { from, to, before: last, step: newStep(transferId, envelope) });
  }
  function answered(recorded: RecordedEvent, by: AccountId, event: TransferReceived | TransferRefused): void {
    const { transferId } = event;
    const transfer = open.get(transferId);
    if (transfer?.to !== by) return;
    const command =
      event.type === 'transfer-received'
        ? ({ type: 'complete-transfer', accountId: transfer.from, transferId } as const)
        : ({ type: 'return-transfer', accountId: transfer.from, transferId, reason: event.reason } as const);
    due.delete(transfer.step);
    // One key for both ends: there can only ever be one.
    transfer.step = newStep(transferId, internalCommand(command, 'end-transfer', transferId, causeOf(recorded)));
  }
  function ended(transferId: TransferId, from: AccountId): void {
    const transfer = open.get(transferId);
    if (transfer?.from !== from) return;
    due.delete(transfer.step);
    open.delete(transferId);
  }
  /** What was to be an answer or an end is none: a command that was answered with it is sent again. */
  function annulled(accountId: AccountId): void {
    for (const { step } of open.values()) if (scopeOf(step.envelope.command) === accountId) due.add(step);
  }
  function follow(recorded: RecordedEvent, accountId: AccountId): void {
    const { event } = recorded;
    if (event.type === 'transfer-sent') sent(recorded, accountId, event);
    else if (event.type === 'transfer-received' || event.type === 'transfer-refused') answered(recorded, accountId, event);
    else if (event.type === 'transfer-completed' || event.type === 'transfer-returned') ended(event.transferId, accountId);
    else if (event.type === 'annulled') annulled(accountId);
  }

  return {
    read(recorded) {
      if (last !== undefined && recorded.position <= last.position) return; // a batch that was interrupted comes again
      if (recorded.subject.kind === 'account') follow(recorded, recorded.subject.accountId);
      last = { position: recorded.position, eventId: recorded.eventId };
    },
    next() {
      const [step] = due;
      if (step !== undefined) due.delete(step);
      return step;
    },
    again(step) {
      if (open.get(step.transferId)?.step === step) due.add(step);
    },
    checkpoint() {
      const [oldest] = open.values();
      return oldest === undefined ? last : oldest.before;
    },
    position: () => last?.position ?? -1n,
    size: () => open.size,
  };
}
