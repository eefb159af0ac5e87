import { type FieldCursor, MalformedMessageError, readFields } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/**
 * What an append, delete or tombstone demands of its stream: an exact last revision, or one of the three conditions. A
 * revision that a number cannot hold comes as a bigint: no stream has it, but it goes back to the client in the refusal.
 */
export type ExpectedRevision = number | bigint | 'any' | 'no_stream' | 'stream_exists';

/** The `oneof` that all writes have, at fields 2 to 5; `undefined` for any other field. */
export function decodeExpectedRevision(field: FieldCursor): ExpectedRevision | undefined {
  switch (field.number) {
    case 2:
      return field.value === Number.MAX_SAFE_INTEGER ? field.exactValue() : field.value;
    case 3:
      return 'no_stream';
    case 4:
      return 'any';
    case 5:
      return 'stream_exists';
    default:
      return undefined;
  }
}

/**
 * The revision of the event that closes a tombstoned stream: 2^63-1 on the wire. Inside, the largest safe integer stands
 * for it, so that revisions can be plain numbers.
 */
export const TOMBSTONE_REVISION = Number.MAX_SAFE_INTEGER;
const WIRE_TOMBSTONE_REVISION = 2n ** 63n - 1n;

/** A revision in the form the wire knows it. */
export function wireRevision(revision: number | bigint): number | bigint {
  return revision === TOMBSTONE_REVISION ? WIRE_TOMBSTONE_REVISION : revision;
}

/** StreamIdentifier: `stream_name = 3`, as bytes. */
export function decodeStreamIdentifier(message: Buffer): string {
  const fields = readFields(message);
  let name = '';
  while (fields.next()) if (fields.number === 3) name = fields.bytes.toString('utf8');
  return name;
}

export function encodeStreamIdentifier(writer: WireWriter, field: number, streamName: string): void {
  writer.message(field, (identifier) => identifier.string(3, streamName));
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** UUID: a string, or two signed 64-bit halves. Answers the 16 bytes. */
export function decodeUuid(message: Buffer): Buffer {
  const fields = readFields(message);
  let uuid: Buffer | undefined;
  while (fields.next()) {
    if (fields.number === 2) uuid = parseUuid(fields.bytes.toString('latin1'));
    if (fields.number === 1) uuid = decodeStructuredUuid(fields.bytes);
  }
  if (uuid === undefined) throw new MalformedMessageError('an id is missing');
  return uuid;
}

function parseUuid(text: string): Buffer {
  if (!UUID_TEXT.test(text)) throw new MalformedMessageError(`'${text}' is not a UUID`);
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

function decodeStructuredUuid(message: Buffer): Buffer {
  const uuid = Buffer.alloc(16);
  const fields = readFields(message);
  while (fields.next()) {
    if (fields.number === 1) uuid.writeBigUInt64BE(fields.exactValue(), 0);
    if (fields.number === 2) uuid.writeBigUInt64BE(fields.exactValue(), 8);
  }
  return uuid;
}

export function formatUuid(uuid: Buffer): string {
  const hex = uuid.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function encodeStructuredUuid(writer: WireWriter, field: number, uuid: Buffer): void {
  writer.message(field, (message) =>
    message.message(1, (structured) => {
      structured.varint(1, uuid.readBigInt64BE(0));
      structured.varint(2, uuid.readBigInt64BE(8));
    }),
  );
}

/** Commit and prepare position: always the same number here. */
export function encodePosition(writer: WireWriter, field: number, position: number): void {
  writer.message(field, (message) => {
    message.varint(1, position);
    message.varint(2, position);
  });
}
