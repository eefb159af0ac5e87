// An account to write holds and orders to, past the ledger, and to look at what the projections make of it.
import type { StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import { deposited, newAccountId, newEvent, opened } from '../eventstore/new-events.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';

/** An account with 100 dollars. */
export async function dollarAccount(ledger: LedgerUnderTest, ownerId?: string) {
  const accountId = newAccountId();
  const stream = accountStream(accountId);
  await ledger.append(stream, newEvent(opened(ownerId === undefined ? {} : { ownerId })), newEvent(deposited('100.00')));
  /** Appended in one go, and projected when it returns. */
  const append = async (...events: readonly StoredEvent[]): Promise<void> => {
    await ledger.append(stream, ...events.map((event) => newEvent(event)));
    await ledger.caughtUp();
  };
  return { accountId, stream, append };
}
