// Steps that read: what they ask for is never twice the same, because it has to include what was last written.
import { LedgerProblem, LedgerUnreachable } from '@ledgerfold/client';
import type { Books } from './books.ts';
import type { Outcome } from './outcomes.ts';
import type { People } from './people.ts';
import type { ReadStep } from './steps.ts';
import { assertNever } from './steps.ts';

/** A statement is of so long: an account may have a year of entries by then. */
const STATEMENT_MS = 10_000;
const ORDERS = 50;

export interface Reading {
  readonly people: People;
  readonly books: Books;
}

/** Reads as the account's owner, and no less than what this client knows to be there. */
export function readAccount(step: ReadStep, { people, books }: Reading): Promise<Outcome> {
  const session = people.session(step.account);
  const { accountId } = session;
  const minPosition = books.of(accountId).lastPosition();
  return outcomeOfRead(minPosition, async () => {
    switch (step.read) {
      case 'balances':
        return (await session.listBalances(accountId, { minPosition })).position;
      case 'statement': {
        const from = new Date(Date.now() - STATEMENT_MS).toISOString();
        return (await session.getStatement(accountId, step.asset, { from }, { minPosition })).position;
      }
      case 'orders':
        await session.listOrders({ accountId, status: 'pending' }, { minPosition }).page({ limit: ORDERS });
        return minPosition; // a list does not say what it has seen
      default:
        return assertNever(step.read);
    }
  });
}

/** What becomes of a read that has to include that position. @param read resolves to the position that it includes. */
export async function outcomeOfRead(minPosition: string, read: () => Promise<string>): Promise<Outcome> {
  try {
    const position = await read();
    if (BigInt(position) >= BigInt(minPosition)) return { name: 'ok' };
    return { name: 'unexpected', detail: `asked for position ${minPosition}, answered at ${position}` };
  } catch (error) {
    if (error instanceof LedgerUnreachable) return { name: 'unknown', detail: error.message };
    if (!(error instanceof LedgerProblem)) throw error;
    const isLater = error.status === 429 || error.status === 503;
    if (isLater && error.retryAfterMs !== undefined) return { name: 'overloaded', detail: error.message };
    return { name: 'unexpected', detail: error.message };
  }
}
