import { randomBytes } from 'node:crypto';
import { assertNever } from '../assert-never.ts';
import type { ProposedEvent } from '../codec/proposed-event.ts';
import { dataOfRecord, encodeRecordedEvent } from '../codec/recorded-event.ts';
import { TOMBSTONE_REVISION } from '../codec/shared-messages.ts';
import type { Clock } from './clock.ts';
import type { EventTable } from './event-table.ts';
import type { StreamHead, StreamHeads } from './stream-heads.ts';
import {
  isMetastream,
  metastreamOf,
  originalStreamOf,
  parseStreamMetadata,
  SOFT_DELETE_JSON,
  withTruncateBefore,
} from './stream-metadata.ts';
import { decideWrite } from './write-decision.ts';
import type { AppendWrite, DeleteWrite, Write, WriteOutcome } from './writes.ts';

/** Applies writes to the table, inside the transaction of the caller. */
export interface EventWriter {
  apply(write: Write): WriteOutcome;
  lastPosition(): number;
  /** Tells that the transaction was rolled back: everything applied since the last commit is gone. */
  rolledBack(): void;
  /** The streams that got events since the last call. */
  takeTouched(): Set<string>;
}

/**
 * Positions grow by the size of what was written, as those of the real server do, so that a position that is no event's
 * can be told from one that is: a client that computes positions is found out here already.
 */
const POSITION_GAP = 32;
const EMPTY = Buffer.alloc(0);

export function createEventWriter(table: EventTable, heads: StreamHeads, clock: Clock): EventWriter {
  let { lastPosition, nextPosition } = readPositions(table);
  let touched = new Set<string>();

  function apply(write: Write): WriteOutcome {
    const head = heads.newest(write.stream);
    const decision = decideWrite(write.expected, write.kind === 'append' ? write.events : [{ id: EMPTY }], head, table);
    const current = head.lastRevision < 0 ? null : head.lastRevision;
    switch (decision.kind) {
      case 'conflict':
        return { kind: 'conflict', current };
      case 'deleted':
        return { kind: 'deleted', stream: write.stream };
      case 'already-written':
        return { kind: 'written', revision: decision.revision, position: decision.position };
      case 'write':
        if (write.kind === 'append') return append(write, head);
        return write.kind === 'tombstone' ? tombstone(write) : softDelete(write, head);
      default:
        return assertNever(decision);
    }
  }

  function append(write: AppendWrite, before: StreamHead): WriteOutcome {
    if (write.events.length === 0) {
      return { kind: 'written', revision: before.lastRevision < 0 ? null : before.lastRevision, position: null };
    }
    const original = isMetastream(write.stream) ? originalStreamOf(write.stream) : null;
    const undeletes = original !== null && heads.newest(original).metadata.softDeleted ? original : null;
    for (const event of write.events) insert(write.stream, event);
    const outcome: WriteOutcome = { kind: 'written', revision: before.lastRevision + write.events.length, position: lastPosition };
    if (before.metadata.softDeleted) hideBefore(write.stream, before.lastRevision + 1);
    if (undeletes !== null) hideBefore(undeletes, heads.newest(undeletes).lastRevision + 1);
    return outcome;
  }

  function softDelete(write: DeleteWrite, head: StreamHead): WriteOutcome {
    if (head.lastRevision < 0 && head.metadataRevision < 0) return { kind: 'conflict', current: null };
    insert(metastreamOf(write.stream), systemEvent('$metadata', Buffer.from(SOFT_DELETE_JSON)));
    return { kind: 'written', revision: null, position: lastPosition };
  }

  function tombstone(write: DeleteWrite): WriteOutcome {
    insert(write.stream, { ...systemEvent('$streamDeleted', EMPTY), isJson: false }, TOMBSTONE_REVISION);
    const metastream = metastreamOf(write.stream);
    heads.set(metastream, { ...heads.newest(metastream), lastRevision: TOMBSTONE_REVISION });
    return { kind: 'written', revision: null, position: lastPosition };
  }

  /** Makes a soft-deleted stream readable again from a revision on, keeping whatever else its metadata says. */
  function hideBefore(stream: string, revision: number): void {
    const metastream = metastreamOf(stream);
    const { id, lastRevision } = heads.newest(metastream);
    const last = id === null ? null : table.eventAt(id, lastRevision);
    const json = last === null ? null : withTruncateBefore(dataOfRecord(last.record), revision);
    if (json !== null) insert(metastream, systemEvent('$metadata', json));
  }

  function insert(stream: string, event: ProposedEvent, atRevision?: number): void {
    const head = heads.newest(stream);
    const revision = atRevision ?? head.lastRevision + 1;
    const position = nextPosition;
    const created = clock.next();
    const record = encodeRecordedEvent(event, { stream, revision, position, createdTicks: created.ticks });
    const streamId = head.id ?? table.insertStream(stream);
    table.insertEvent({ position, streamId, revision, id: event.id, type: event.type, createdMs: created.ms, record });
    lastPosition = position;
    nextPosition = position + record.length + POSITION_GAP;
    heads.set(stream, { ...head, id: streamId, lastRevision: revision });
    touched.add(stream);
    if (isMetastream(stream)) {
      const original = originalStreamOf(stream);
      heads.set(original, { ...heads.newest(original), metadata: parseStreamMetadata(event.data), metadataRevision: revision });
    }
  }

  return {
    apply,
    lastPosition: () => lastPosition,
    rolledBack: () => {
      ({ lastPosition, nextPosition } = readPositions(table));
      touched = new Set();
    },
    takeTouched: () => {
      const taken = touched;
      touched = new Set();
      return taken;
    },
  };
}

function readPositions(table: EventTable): { lastPosition: number; nextPosition: number } {
  const newest = table.newestEvent();
  if (newest === null) return { lastPosition: 0, nextPosition: POSITION_GAP };
  return { lastPosition: newest.position, nextPosition: newest.position + newest.record.length + POSITION_GAP };
}

function systemEvent(type: string, data: Buffer): ProposedEvent {
  return { id: randomUuid(), type, isJson: true, customMetadata: EMPTY, data };
}

function randomUuid(): Buffer {
  const uuid = randomBytes(16);
  uuid.writeUInt8(((uuid[6] ?? 0) & 0x0f) | 0x40, 6);
  uuid.writeUInt8(((uuid[8] ?? 0) & 0x3f) | 0x80, 8);
  return uuid;
}
