import { decodeProposedEvent, type ProposedEvent } from './proposed-event.ts';
import {
  decodeExpectedRevision,
  decodeStreamIdentifier,
  type ExpectedRevision,
  encodePosition,
  encodeStreamIdentifier,
  wireRevision,
} from './shared-messages.ts';
import { MalformedMessageError, readFields } from './wire-reader.ts';
import { encodeMessage, type WireWriter } from './wire-writer.ts';

export interface BatchAppendOptions {
  readonly stream: string | undefined;
  readonly expected: ExpectedRevision | undefined;
  /** Milliseconds since 1970 after which the client no longer waits; Infinity without a deadline. */
  readonly deadlineMs: number;
}

/** One chunk of a batch. A chunk that cannot be decoded still has its correlation id, so that it can be answered. */
export interface BatchAppendChunk {
  /** The UUID message as the client sent it: it goes back byte for byte. */
  readonly correlation: Buffer;
  readonly options: BatchAppendOptions | undefined;
  readonly events: readonly ProposedEvent[];
  readonly isFinal: boolean;
  readonly malformed: string | undefined;
}

export function decodeBatchAppendChunk(message: Buffer): BatchAppendChunk {
  let correlation: Buffer = Buffer.alloc(0);
  let options: BatchAppendOptions | undefined;
  const events: ProposedEvent[] = [];
  let isFinal = false;
  let malformed: string | undefined;
  const fields = readFields(message);
  while (fields.next()) {
    switch (fields.number) {
      case 1:
        correlation = fields.bytes;
        break;
      case 4:
        isFinal = fields.value !== 0;
        break;
      case 2:
      case 3:
        try {
          if (fields.number === 2) options = decodeOptions(fields.bytes);
          else events.push(decodeProposedEvent(fields.bytes));
        } catch (error) {
          if (!(error instanceof MalformedMessageError)) throw error;
          malformed = error.message;
        }
        break;
    }
  }
  return { correlation, options, events, isFinal, malformed };
}

function decodeOptions(message: Buffer): BatchAppendOptions {
  const fields = readFields(message);
  let stream: string | undefined;
  let expected: ExpectedRevision | undefined;
  let deadlineMs = Number.POSITIVE_INFINITY;
  while (fields.next()) {
    if (fields.number === 1) stream = decodeStreamIdentifier(fields.bytes);
    else if (fields.number === 6) deadlineMs = decodeTimestampMs(fields.bytes);
    else expected = decodeExpectedRevision(fields) ?? expected;
  }
  return { stream, expected, deadlineMs };
}

/** google.protobuf.Timestamp: seconds = 1, nanos = 2. */
function decodeTimestampMs(message: Buffer): number {
  const fields = readFields(message);
  let seconds = 0;
  let nanos = 0;
  while (fields.next()) {
    if (fields.number === 1) seconds = fields.value;
    if (fields.number === 2) nanos = fields.value;
  }
  return seconds * 1000 + nanos / 1e6;
}

export function encodeBatchAppendSuccess(
  correlation: Buffer,
  stream: string,
  expected: ExpectedRevision,
  revision: number | null,
  position: number | null,
): Buffer {
  return encodeMessage((response) => {
    response.bytes(1, correlation);
    response.message(3, (success) => {
      if (revision === null) success.empty(2);
      else success.varint(1, wireRevision(revision));
      if (position === null) success.empty(4);
      else encodePosition(success, 3, position);
    });
    encodeStreamIdentifier(response, 4, stream);
    if (expected === 'no_stream') response.empty(6);
    else if (expected === 'any') response.empty(7);
    else if (expected === 'stream_exists') response.empty(8);
    else response.varint(5, wireRevision(expected));
  });
}

/** A google.rpc.Status: its code, its message, and the one detail the client decides by. */
export interface BatchAppendError {
  readonly code: number;
  readonly message: string;
  /** The name after `type.googleapis.com/event_store.client.` */
  readonly detail: string;
  readonly writeDetail: (detail: WireWriter) => void;
}

/** The stream identifier is always there: the client throws without it. */
export function encodeBatchAppendError(correlation: Buffer, stream: string, error: BatchAppendError): Buffer {
  const detail = encodeMessage(error.writeDetail);
  return encodeMessage((response) => {
    response.bytes(1, correlation);
    response.message(2, (status) => {
      status.varint(1, error.code);
      status.string(2, error.message);
      status.message(3, (any) => {
        any.string(1, `type.googleapis.com/event_store.client.${error.detail}`);
        any.bytes(2, detail);
      });
    });
    encodeStreamIdentifier(response, 4, stream);
  });
}
