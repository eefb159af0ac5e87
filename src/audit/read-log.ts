// The whole log read once, for everything that checks it, rebuilds from it or exports it.
import type { RecordedEvent } from '../domain/events.ts';
import { ANNULMENTS_STREAM } from '../eventstore/annulments.ts';
import type { EventStore } from '../eventstore/client.ts';
import { decodeAt } from '../eventstore/codec.ts';
import { UnreadableEvent } from '../eventstore/errors.ts';
import type { LogRange, LogRecord } from '../eventstore/log.ts';

/** How far a reading of the log is. */
export interface ReadProgress {
  /** Records handed over so far. */
  readonly events: number;
  /** Of the last one; and of the last record that will be read. */
  readonly position: bigint;
  readonly end: bigint;
}

export interface ReadOptions extends LogRange {
  /** Told after every batch. */
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/**
 * The records of the ledger's streams (accounts, assets, annulments) in log order, as they are stored, in batches. Ends at
 * `until`, else at what was the log's last record when the reading began, however much is written meanwhile. Memory is flat.
 * @throws StoreUnavailable
 */
export async function* readLog(
  { log }: Pick<EventStore, 'log'>,
  { after, until, onProgress }: ReadOptions = {},
): AsyncGenerator<readonly LogRecord[], void, undefined> {
  const end = until ?? (await log.end());
  if (end === undefined) return;
  let events = 0;
  for await (const batch of log.read({ after, until: end })) {
    yield batch;
    events += batch.length;
    onProgress?.({ events, position: batch.at(-1)?.position ?? end, end });
  }
}

/**
 * What a record says, by what was annulled when the annulments were loaded last: an annulled event comes back as `annulled`, one
 * that no schema fits as an UnreadableEvent. Undefined where it has no effect at all: an annulment, or an annulled record of a
 * stream that belongs to nothing.
 */
export const decodeRecord = (
  { annulments }: Pick<EventStore, 'annulments'>,
  record: LogRecord,
): RecordedEvent | UnreadableEvent | undefined =>
  record.stream === ANNULMENTS_STREAM ? undefined : decodeAt(record, record, annulments.has);

/**
 * As readLog, decoded, without the records that have no effect at all. The annulments are loaded at the beginning, and again
 * before an event is said to be unreadable: it may have been annulled since.
 * @throws UnreadableEvent at the first event that cannot be read, after everything before it was handed over; StoreUnavailable
 */
export async function* readEvents(
  store: Pick<EventStore, 'log' | 'annulments'>,
  options: ReadOptions = {},
): AsyncGenerator<readonly RecordedEvent[], void, undefined> {
  await store.annulments.load();
  for await (const batch of readLog(store, options)) {
    const events: RecordedEvent[] = [];
    for (const record of batch) {
      let recorded = decodeRecord(store, record);
      if (recorded instanceof UnreadableEvent) {
        await store.annulments.load();
        recorded = decodeRecord(store, record);
      }
      if (recorded instanceof UnreadableEvent) {
        if (events.length > 0) yield events;
        throw recorded;
      }
      if (recorded !== undefined) events.push(recorded);
    }
    if (events.length > 0) yield events;
  }
}
