import { dataOfRecord } from '../codec/recorded-event.ts';
import { TOMBSTONE_REVISION } from '../codec/shared-messages.ts';
import type { EventTable } from './event-table.ts';
import {
  isMetastream,
  METASTREAM_METADATA,
  metastreamOf,
  NO_METADATA,
  originalStreamOf,
  parseStreamMetadata,
  type StreamMetadata,
} from './stream-metadata.ts';

/** Where a stream stands. Immutable: every write makes a new one. */
export interface StreamHead {
  /** Its row; null while it has no event. */
  readonly id: number | null;
  /** -1 without events, {@link TOMBSTONE_REVISION} once tombstoned. */
  readonly lastRevision: number;
  readonly metadata: StreamMetadata;
  /** The last event of its metastream, which may exist without the stream. -1 when there is none. */
  readonly metadataRevision: number;
}

export function isTombstoned(head: StreamHead): boolean {
  return head.lastRevision === TOMBSTONE_REVISION;
}

/**
 * The heads of all streams, the recently used ones in memory. Between a commit and its fsync there are two truths: the
 * writer goes on from the newest, readers see only what is durable.
 */
export interface StreamHeads {
  /** The newest, for the writer. */
  newest(stream: string): StreamHead;
  /** The newest durable one, for readers. */
  durable(stream: string): StreamHead;
  set(stream: string, head: StreamHead): void;
  /** The writes since the last call of this or `discard` are durable. */
  publish(): void;
  /** The writes since then were rolled back. */
  discard(): void;
}

/** About 20 MB. */
const MAX_CACHED_HEADS = 100_000;

export function createStreamHeads(table: EventTable): StreamHeads {
  const cache = new Map<string, StreamHead>();
  const durableBefore = new Map<string, StreamHead>();

  function newest(stream: string): StreamHead {
    const cached = cache.get(stream);
    if (cached !== undefined) return cached;
    const head = load(stream);
    remember(stream, head);
    return head;
  }

  function remember(stream: string, head: StreamHead): void {
    cache.delete(stream);
    if (cache.size >= MAX_CACHED_HEADS) dropOldest();
    cache.set(stream, head);
  }

  /** The one not written for longest. */
  function dropOldest(): void {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      return;
    }
  }

  function load(stream: string): StreamHead {
    const id = table.findStream(stream);
    const ownRevision = id === null ? -1 : (table.lastEvent(id)?.revision ?? -1);
    if (isMetastream(stream)) {
      const originalGone = isTombstoned(newest(originalStreamOf(stream)));
      const lastRevision = originalGone ? TOMBSTONE_REVISION : ownRevision;
      return { id, lastRevision, metadata: METASTREAM_METADATA, metadataRevision: metadataOf(stream).revision };
    }
    const { metadata, revision } = metadataOf(stream);
    return { id, lastRevision: ownRevision, metadata, metadataRevision: revision };
  }

  function metadataOf(stream: string): { metadata: StreamMetadata; revision: number } {
    const metastreamId = table.findStream(metastreamOf(stream));
    const last = metastreamId === null ? null : table.lastEvent(metastreamId);
    if (last === null) return { metadata: NO_METADATA, revision: -1 };
    return { metadata: parseStreamMetadata(dataOfRecord(last.record)), revision: last.revision };
  }

  return {
    newest,
    durable: (stream) => durableBefore.get(stream) ?? newest(stream),
    set: (stream, head) => {
      if (!durableBefore.has(stream)) durableBefore.set(stream, newest(stream));
      remember(stream, head);
    },
    publish: () => durableBefore.clear(),
    discard: () => {
      for (const stream of durableBefore.keys()) cache.delete(stream);
      durableBefore.clear();
    },
  };
}
