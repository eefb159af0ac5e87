// Between the ledger's events and the store's: what is written, and what is made of what is read.
import type { EventData } from '@eventstore/db-client';
import { jsonEvent } from '@eventstore/db-client';
import { LRUCache } from 'lru-cache';
import type { EventMetadata, RecordedEvent, StoredEvent, Subject } from '../domain/events.ts';
import { EventMetadataSchema, subjectOf } from '../domain/events.ts';
import { CommandIdSchema } from '../domain/ids.ts';
import { parseEvent } from '../domain/upcast.ts';
import type { EventPlace } from './errors.ts';
import { UnreadableEvent } from './errors.ts';

/** An event about to be written. Its id is drawn once; an append repeated with the same objects sends the same bytes. */
export interface NewEvent {
  readonly eventId: string;
  readonly event: StoredEvent;
  readonly metadata: EventMetadata;
}

/** What the client hands out for a stored event, as far as it matters here. */
export interface StoreRecord {
  readonly streamId: string;
  readonly id: string;
  readonly revision: bigint;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
  readonly position?: { readonly commit: bigint } | undefined;
}

const NIL_COMMAND = CommandIdSchema.parse('00000000-0000-0000-0000-000000000000');

/**
 * The metadata of every annulled event, whatever was stored with it: an event that has no effect does not move time either,
 * and what stands in its metadata may be as unreadable as its data.
 */
const ANNULLED_METADATA: EventMetadata = {
  key: 'sys:annulled',
  commandId: NIL_COMMAND,
  commandHash: '0'.repeat(64),
  correlationId: 'annulled',
  causationId: 'annulled',
  actor: 'annulled',
  transport: 'internal',
  occurredAt: '1970-01-01T00:00:00.000Z',
};

/** The event as annulled: it keeps its place and loses everything else. */
export const annulled = (recorded: RecordedEvent): RecordedEvent => ({
  ...recorded,
  event: { type: 'annulled' },
  metadata: ANNULLED_METADATA,
});

/** What the store keeps of an event: its type, the other fields as JSON data, the metadata as JSON. */
export function encode({ eventId, event, metadata }: NewEvent): EventData {
  const { type, ...data } = event;
  return jsonEvent({ id: eventId, type, data, metadata: { ...metadata } });
}

// A stream's name is checked once, not once per event: most events of a log are of streams that were just seen.
const subjects = new LRUCache<string, Subject>({ max: 50_000 });

function knownSubject(stream: string): Subject | undefined {
  const known = subjects.get(stream);
  if (known !== undefined) return known;
  const subject = subjectOf(stream);
  if (subject !== undefined) subjects.set(stream, subject);
  return subject;
}

/** Where the record stands. @throws Error on a server that reports no positions (EventStoreDB before 22.6). */
export function placeOf(record: StoreRecord): EventPlace {
  const { streamId: stream, id: eventId, revision, position } = record;
  if (position === undefined)
    throw new Error(`the event store reports no position for ${stream}@${revision}: EventStoreDB 22.6 or newer is needed`);
  return { stream, revision, position: position.commit, eventId };
}

/**
 * Reads a record of the ledger's streams. `isAnnulled` says of an event's id whether an operator has annulled it; such an
 * event comes back as `annulled`, or as undefined where its stream belongs to nothing (then it has no effect at all).
 * An UnreadableEvent is returned, not thrown: the reader decides what to do with what came before it.
 */
export const decode = (record: StoreRecord, isAnnulled: (eventId: string) => boolean): RecordedEvent | UnreadableEvent | undefined =>
  decodeAt(placeOf(record), record, isAnnulled);

/** The same, of a record whose place is known. */
export function decodeAt(
  { stream, revision, position, eventId }: EventPlace,
  record: Pick<StoreRecord, 'type' | 'data' | 'metadata'>,
  isAnnulled: (eventId: string) => boolean,
): RecordedEvent | UnreadableEvent | undefined {
  const place = { stream, revision, position, eventId }; // and nothing else that the record may hold on to
  const subject = knownSubject(place.stream);
  if (isAnnulled(place.eventId)) return subject && { ...place, subject, event: { type: 'annulled' }, metadata: ANNULLED_METADATA };
  if (subject === undefined) return new UnreadableEvent(place, `the stream "${place.stream}" names no account and no asset`);
  const parsed = parseEvent(record.type, record.data);
  if (!parsed.ok) return new UnreadableEvent(place, parsed.reason);
  const metadata = EventMetadataSchema.safeParse(record.metadata);
  if (!metadata.success) {
    const where = metadata.error.issues.map((issue) => `${issue.path.join('.') || 'metadata'}: ${issue.message}`).join('; ');
    return new UnreadableEvent(place, `metadata that cannot be read: ${where}`);
  }
  return { stream, revision, position, eventId, subject, event: parsed.event, metadata: metadata.data };
}
