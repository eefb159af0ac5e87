// Taking the steps of open transfers: several at a time, each again and again until it is applied. The log is not held up by it.
import type { Logger } from 'pino';
import { REJECTIONS } from '../domain/rejections.ts';
import type { Pauses } from '../projections/pauses.ts';
import type { CommandBus } from './bus.ts';
import type { OpenTransfers, TransferStep } from './open-transfers.ts';

export interface TransferStepsOptions {
  readonly transfers: Pick<OpenTransfers, 'next' | 'again'>;
  readonly bus: Pick<CommandBus, 'send'>;
  /** Nothing is begun any more once it has ended. */
  readonly tenure: Pauses;
  /** The most commands under way. */
  readonly maxConcurrent: number;
  readonly logger: Logger;
}

export interface TransferSteps {
  /** Takes what is due and there is room for. */
  go(): void;
  /** Resolves when no command is under way. */
  idle(): Promise<void>;
}

const FIRST_BACKOFF_MS = 50;
/** A recipient's account that cannot be read right now is not asked about more often than this. */
const LAST_BACKOFF_MS = 5_000;

export function makeTransferSteps({ transfers, bus, tenure, maxConcurrent, logger }: TransferStepsOptions): TransferSteps {
  const underWay = new Set<Promise<void>>();

  function go(): void {
    while (underWay.size < maxConcurrent && !tenure.ended()) {
      const step = transfers.next();
      if (step === undefined) return;
      const taking = take(step).then(() => {
        underWay.delete(taking);
        go();
      });
      underWay.add(taking);
    }
  }

  /** Applied, it is done with: what came of it will be read in the log. Anything else is tried again, and holds up no other step meanwhile. */
  async function take(step: TransferStep): Promise<void> {
    if (await isApplied(step)) return;
    const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** step.tries, LAST_BACKOFF_MS);
    step.tries += 1;
    void tenure.pause(backoffMs).then(() => {
      transfers.again(step);
      go();
    });
  }

  async function isApplied({ transferId, envelope }: TransferStep): Promise<boolean> {
    const { type } = envelope.command;
    try {
      const answer = await bus.send(envelope);
      if (answer.status !== 'rejected') return true;
      const { code, detail } = answer.rejection;
      logger[REJECTIONS[code].retryable ? 'debug' : 'warn'](
        { transferId, command: type, code, detail },
        'a step of a transfer is tried again',
      );
    } catch (err) {
      logger.error({ err, transferId, command: type }, 'a step of a transfer is tried again');
    }
    return false;
  }

  return {
    go,
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
