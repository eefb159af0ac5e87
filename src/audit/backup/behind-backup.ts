// What a log has behind the end of a backup, where it goes on there: the users of that time are in no backup.
import type { EventStore } from '../../eventstore/client.ts';
import { UnreadableEvent } from '../../eventstore/errors.ts';
import { withoutUser } from '../../identity/users.ts';
import type { LedgerDb } from '../../postgres/pool.ts';
import { decodeRecord, readLog } from '../read-log.ts';
import type { Manifest } from './manifest.ts';

export interface BehindBackup {
  readonly events: bigint;
  /** Owners of accounts that were opened there, for whom the restored tables have no user: they cannot log in. In the order of their accounts. */
  readonly ownersWithoutUser: readonly string[];
}

/** Looks at the log behind the backup's end. @throws StoreUnavailable; the database's error */
export async function lookBehindBackup(
  store: Pick<EventStore, 'log' | 'annulments'>,
  db: LedgerDb,
  { log }: Pick<Manifest, 'log'>,
): Promise<BehindBackup> {
  const owners = new Set<string>();
  let events = 0n;
  await store.annulments.load();
  for await (const batch of readLog(store, { after: log.lastPosition === null ? undefined : BigInt(log.lastPosition) }))
    for (const record of batch) {
      events += 1n;
      const recorded = decodeRecord(store, record);
      if (recorded === undefined || recorded instanceof UnreadableEvent) continue;
      const { event } = recorded;
      if (event.type === 'account-opened' && event.ownerId !== undefined) owners.add(event.ownerId);
    }
  return { events, ownersWithoutUser: await withoutUser(db, [...owners]) };
}

const SHOWN_OWNERS = 5;

/** What is behind it in a sentence; empty where nothing is. */
export function behindInWords({ events, ownersWithoutUser: owners }: BehindBackup): string {
  if (events === 0n) return '';
  const shown = owners.slice(0, SHOWN_OWNERS).join(', ');
  const more = owners.length > SHOWN_OWNERS ? ', …' : '';
  const unknown =
    owners.length === 0
      ? 'every owner of an account opened there is a user'
      : `${owners.length} owners of accounts opened there are no users: ${shown}${more}`;
  return `The event store has ${events} events more, behind the end of the backup; ${unknown}.`;
}
