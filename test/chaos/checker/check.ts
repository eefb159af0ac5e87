// The checker: what clients saw, what the log holds and what the tables say, held against each other. It shares nothing with the ledger.
import type { LogEvent } from '../../scenarios/log.ts';
import type { History } from '../history.ts';
import { foldBalances } from './balances.ts';
import { checkCommands } from './commands.ts';
import { checkExpiries } from './expiries.ts';
import { checkOrder } from './order.ts';
import { checkReads } from './reads.ts';
import { checkTransfers } from './transfers.ts';
import type { Violation } from './violation.ts';

/**
 * What the history and the log say of each other, and the log of itself.
 * @param log every event of accounts and assets, from the first on, in order, once nothing is under way.
 */
export function checkHistory(history: History, log: readonly LogEvent[]): readonly Violation[] {
  const folded = foldBalances(log);
  return [
    ...folded.violations,
    ...checkCommands(history, log),
    ...checkOrder(history, log),
    ...checkTransfers(history, log),
    ...checkExpiries(log),
    ...checkReads(history, folded),
  ];
}
