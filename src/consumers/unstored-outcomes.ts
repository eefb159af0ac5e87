// What becomes of commands without leaving an event, written into their receipts: for whoever was answered 202, and asks.
import { commandHashOf } from '../commands/idempotency.ts';
import { scopeOf } from '../domain/commands.ts';
import { isRejectionCode } from '../domain/rejections.ts';
import type { ReceiptProblem, Receipts } from '../identity/receipts.ts';
import type { UnstoredOutcome } from './command-session.ts';

/** Keeps such outcomes. Rejects where Postgres is away: then nothing was kept. */
export function keepInReceipts(receipts: Pick<Receipts, 'settle' | 'bury'>): (outcome: UnstoredOutcome) => Promise<void> {
  return async ({ commandId, envelope, ending, refusal: { code, detail, fields } }) => {
    if (!isRejectionCode(code)) throw new Error(`${code} is no code of a refused command`);
    const problem = (correlationId: string): ReceiptProblem => ({ code, detail, fields, correlationId });
    if (envelope === undefined) return receipts.bury(commandId, problem(commandId));
    const { command, onlyOwner, correlationId } = envelope;
    await receipts.settle(
      {
        commandId,
        commandHash: commandHashOf(command),
        accountId: scopeOf(command),
        ...(onlyOwner !== undefined && { ownerId: onlyOwner }),
      },
      { state: ending === 'refused' ? 'rejected' : 'dead', problem: problem(correlationId) },
    );
  };
}
