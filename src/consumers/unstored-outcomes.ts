// What becomes of commands without leaving an event, written into their receipts: for whoever was answered 202, and asks.
import { isAtTheirAccount } from '../api/gateway.ts';
import { commandHashOf } from '../commands/idempotency.ts';
import { scopeOf } from '../domain/commands.ts';
import { isRejectionCode } from '../domain/rejections.ts';
import type { ReceiptProblem, Receipts } from '../identity/receipts.ts';
import type { UnstoredOutcome } from './command-session.ts';

/**
 * Keeps such outcomes, but for those of users at accounts that are not theirs: they were promised nothing, must find there
 * neither more nor less than where there is no account, and whoever's it is may have a receipt by that very key. Rejects where Postgres is away: then nothing was kept.
 */
export function keepInReceipts(
  receipts: Pick<Receipts, 'settle' | 'bury'>,
  accountOf: Parameters<typeof isAtTheirAccount>[1],
): (outcome: UnstoredOutcome) => Promise<void> {
  return async ({ commandId, envelope, ending, refusal: { code, detail, fields } }) => {
    if (!isRejectionCode(code)) throw new Error(`${code} is no code of a refused command`);
    const problem = (correlationId: string): ReceiptProblem => ({ code, detail, fields, correlationId });
    if (envelope === undefined) return receipts.bury(commandId, problem(commandId));
    if (!(await isAtTheirAccount(envelope, accountOf))) return;
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
