import type { ProposedEvent } from './proposed-event.ts';
import { decodeUuid, encodeStreamIdentifier, encodeStructuredUuid, formatUuid, wireRevision } from './shared-messages.ts';
import { readFields } from './wire-reader.ts';
import { encodeMessage } from './wire-writer.ts';

/** Where and when an event was recorded. */
export interface Placement {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  /** 100 ns ticks since 1970, decimal. */
  readonly createdTicks: string;
}

/**
 * Encodes a RecordedEvent. These bytes are what the store keeps and what reads send, so an event is encoded once and never
 * again. The stream identifier is written first, so that filters find it without walking the message.
 */
export function encodeRecordedEvent(event: ProposedEvent, placement: Placement): Buffer {
  return encodeMessage((writer) => {
    encodeStreamIdentifier(writer, 2, placement.stream);
    writer.message(1, (uuid) => uuid.string(2, formatUuid(event.id)));
    writer.varint(3, wireRevision(placement.revision));
    writer.varint(4, placement.position);
    writer.varint(5, placement.position);
    writer.message(6, (entry) => {
      entry.string(1, 'type');
      entry.string(2, event.type);
    });
    writer.message(6, (entry) => {
      entry.string(1, 'content-type');
      entry.string(2, event.isJson ? 'application/json' : 'application/octet-stream');
    });
    writer.message(6, (entry) => {
      entry.string(1, 'created');
      entry.string(2, placement.createdTicks);
    });
    if (event.customMetadata.length > 0) writer.bytes(7, event.customMetadata);
    if (event.data.length > 0) writer.bytes(8, event.data);
  });
}

/** The stream a recorded event is in. Relies on the identifier being the first field. */
export function streamOfRecord(record: Buffer): string {
  const fields = readFields(record);
  fields.next();
  const identifier = readFields(fields.bytes);
  identifier.next();
  return identifier.bytes.toString('utf8');
}

/** The data of a recorded event. A view, not a copy. */
export function dataOfRecord(record: Buffer): Buffer {
  const fields = readFields(record);
  while (fields.next()) if (fields.number === 8) return fields.bytes;
  return Buffer.alloc(0);
}

/** The same record with its id as two 64-bit halves, for the clients that ask for it. */
export function withStructuredId(record: Buffer): Buffer {
  return encodeMessage((writer) => {
    const fields = readFields(record);
    while (fields.next()) {
      if (fields.number === 1) encodeStructuredUuid(writer, 1, decodeUuid(fields.bytes));
      else if (fields.bytes.length > 0) writer.bytes(fields.number, fields.bytes);
      else writer.varint(fields.number, wireRevision(fields.value));
    }
  });
}
