// Mailboxes: one queue a stream. All that waits for an account is taken together, decided in order, and appended at once;
// accounts never wait for each other.
import type { Subject } from '../domain/events.ts';
import type { CommandId } from '../domain/ids.ts';
import type { CommandAnswer, CommandEnvelope } from './bus.ts';
import type { CommandSequence } from './sequence.ts';
import type { Span } from './spans.ts';

/** A command on its way: `answer` is called exactly once. */
export interface PendingCommand {
  readonly envelope: CommandEnvelope;
  readonly commandId: CommandId;
  readonly commandHash: string;
  /** The sequence it belongs to, if any. */
  readonly sequence?: CommandSequence;
  /** From its arrival to its answer, where there is tracing. */
  readonly span?: Span | undefined;
  answer(answer: CommandAnswer): void;
}

export interface MailboxOptions {
  /** Decides and answers the commands, in order; gives back those it did not take (a batch has a size limit), still in order. Never rejects. */
  readonly turn: (stream: string, subject: Subject, waiting: readonly PendingCommand[]) => Promise<readonly PendingCommand[]>;
  /** The most commands one turn takes. */
  readonly maxBatch: number;
  /** The most commands that wait for one stream; beyond it post() answers false. */
  readonly maxWaitingPerStream: number;
  /** The most commands that wait in all. */
  readonly maxWaiting: number;
}

export interface Mailboxes {
  /** Queues a command behind those of its stream. False: the queue is full, and the command was not taken. */
  post(stream: string, subject: Subject, pending: PendingCommand): boolean;
  /** Commands taken and not yet answered. */
  size(): number;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
}

interface Mailbox {
  readonly subject: Subject;
  waiting: PendingCommand[];
}

export function makeMailboxes({ turn, maxBatch, maxWaitingPerStream, maxWaiting }: MailboxOptions): Mailboxes {
  const mailboxes = new Map<string, Mailbox>();
  let size = 0;
  let onIdle: (() => void)[] = [];

  const run = async (stream: string, mailbox: Mailbox): Promise<void> => {
    // One macrotask later, what arrived together is waiting together.
    await new Promise(setImmediate);
    while (mailbox.waiting.length > 0) {
      const taken = mailbox.waiting.slice(0, maxBatch);
      mailbox.waiting = mailbox.waiting.slice(maxBatch);
      const left = await turn(stream, mailbox.subject, taken);
      size -= taken.length - left.length;
      mailbox.waiting = [...left, ...mailbox.waiting];
    }
    mailboxes.delete(stream);
    if (size > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };

  return {
    post(stream, subject, pending) {
      const existing = mailboxes.get(stream);
      if (size >= maxWaiting || (existing !== undefined && existing.waiting.length >= maxWaitingPerStream)) return false;
      size += 1;
      if (existing) {
        existing.waiting.push(pending);
        return true;
      }
      const mailbox: Mailbox = { subject, waiting: [pending] };
      mailboxes.set(stream, mailbox);
      void run(stream, mailbox);
      return true;
    },
    size: () => size,
    idle: () => (size === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
  };
}
