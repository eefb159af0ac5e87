import type { ProposedEvent } from '../codec/proposed-event.ts';
import type { ExpectedRevision } from '../codec/shared-messages.ts';
import type { EventTable } from './event-table.ts';
import { isTombstoned, type StreamHead } from './stream-heads.ts';
import { firstVisibleRevision } from './stream-metadata.ts';

/** What becomes of a write, decided before anything is written. */
export type Decision =
  | { readonly kind: 'write' }
  /** All of it was written before: the answer is the original one. `position` is null when the event is hidden now. */
  | { readonly kind: 'already-written'; readonly revision: number; readonly position: number | null }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'deleted' };

const WRITE: Decision = { kind: 'write' };
const CONFLICT: Decision = { kind: 'conflict' };
const DELETED: Decision = { kind: 'deleted' };

/**
 * The rules of optimistic concurrency and idempotency, those of EventStoreDB except that event ids are known for ever
 * rather than from a bounded cache. A delete or a tombstone is a write whose one event id is always new: pass no events.
 */
export function decideWrite(
  expected: ExpectedRevision,
  events: readonly Pick<ProposedEvent, 'id'>[],
  head: StreamHead,
  table: EventTable,
): Decision {
  if (isTombstoned(head)) return DELETED;
  if (expected === 'any') return decideById(events, head, table);
  if (expected === 'stream_exists') {
    if (head.metadata.softDeleted) return DELETED;
    if (head.lastRevision < 0 && head.metadataRevision < 0) return CONFLICT;
    return decideById(events, head, table);
  }
  if (typeof expected === 'bigint') return CONFLICT;
  const revision = expected === 'no_stream' ? -1 : expected;
  if (revision > head.lastRevision) return CONFLICT;
  if (revision === head.lastRevision) return WRITE;
  return decideByRevision(revision, events, head, table);
}

/** Without an exact revision: a first id that the stream does not have is a new write; otherwise all must be known. */
function decideById(events: readonly Pick<ProposedEvent, 'id'>[], head: StreamHead, table: EventTable): Decision {
  if (head.id === null) return WRITE;
  let last: { revision: number; position: number } | null = null;
  for (const event of events) {
    const known = table.findId(head.id, event.id);
    if (known === null) return last === null ? WRITE : CONFLICT;
    last = known;
  }
  return last === null ? WRITE : alreadyWritten(last.revision, last.position, head);
}

/** With a revision below the current one: the same ids must follow it, in order. */
function decideByRevision(expected: number, events: readonly Pick<ProposedEvent, 'id'>[], head: StreamHead, table: EventTable): Decision {
  let revision = expected;
  for (const event of events) {
    revision++;
    const known = head.id === null ? null : table.idAt(head.id, revision);
    if (known?.equals(event.id) === true) continue;
    return revision === expected + 1 ? firstIdDiffers(expected, head) : CONFLICT;
  }
  if (events.length === 0 || head.id === null) return firstIdDiffers(expected, head);
  return alreadyWritten(revision, table.eventAt(head.id, revision)?.position ?? null, head);
}

/** A soft-deleted stream counts as missing for `no_stream`, but goes on numbering. */
function firstIdDiffers(expected: number, head: StreamHead): Decision {
  return expected === -1 && head.metadata.softDeleted ? WRITE : CONFLICT;
}

function alreadyWritten(revision: number, position: number | null, head: StreamHead): Decision {
  const hidden = head.metadata.softDeleted || revision < firstVisibleRevision(head.metadata, head.lastRevision);
  return { kind: 'already-written', revision, position: hidden ? null : position };
}
