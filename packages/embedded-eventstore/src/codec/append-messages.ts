import { decodeProposedEvent, type ProposedEvent } from './proposed-event.ts';
import { decodeExpectedRevision, decodeStreamIdentifier, type ExpectedRevision, encodePosition, wireRevision } from './shared-messages.ts';
import { readFields } from './wire-reader.ts';
import { encodeMessage } from './wire-writer.ts';

/** The stream a write is for and what it expects of it. `undefined` where the client left the field out. */
export interface TargetOptions {
  readonly stream: string | undefined;
  readonly expected: ExpectedRevision | undefined;
}

/** One message of an Append call: the options, which come first, or an event. */
export type AppendRequest =
  | { readonly kind: 'options'; readonly options: TargetOptions }
  | { readonly kind: 'event'; readonly event: ProposedEvent }
  | { readonly kind: 'empty' };

export function decodeAppendRequest(message: Buffer): AppendRequest {
  const fields = readFields(message);
  let request: AppendRequest = { kind: 'empty' };
  while (fields.next()) {
    if (fields.number === 1) request = { kind: 'options', options: decodeTargetOptions(fields.bytes) };
    if (fields.number === 2) request = { kind: 'event', event: decodeProposedEvent(fields.bytes) };
  }
  return request;
}

/** The options of Append, Delete and Tombstone are one and the same message. */
export function decodeTargetOptions(message: Buffer): TargetOptions {
  const fields = readFields(message);
  let stream: string | undefined;
  let expected: ExpectedRevision | undefined;
  while (fields.next()) {
    if (fields.number === 1) stream = decodeStreamIdentifier(fields.bytes);
    else expected = decodeExpectedRevision(fields) ?? expected;
  }
  return { stream, expected };
}

/** DeleteReq and TombstoneReq: options = 1. */
export function decodeDeleteRequest(message: Buffer): TargetOptions {
  const fields = readFields(message);
  let options: TargetOptions = { stream: undefined, expected: undefined };
  while (fields.next()) if (fields.number === 1) options = decodeTargetOptions(fields.bytes);
  return options;
}

/** DeleteResp and TombstoneResp. */
export function encodeDeleteResponse(position: number): Buffer {
  return encodeMessage((response) => encodePosition(response, 1, position));
}

/** AppendResp with its success: `revision` null when the stream has no event, `position` null when nothing visible was written. */
export function encodeAppendSuccess(revision: number | null, position: number | null): Buffer {
  return encodeMessage((response) =>
    response.message(1, (success) => {
      if (revision === null) success.empty(2);
      else success.varint(1, wireRevision(revision));
      if (position === null) success.empty(4);
      else encodePosition(success, 3, position);
    }),
  );
}

const NO_STREAM_20_6_0 = 2n ** 64n - 1n;

/** AppendResp with its wrong expected version: a normal answer of Append. Fills the fields of version 20.6.0 too. */
export function encodeAppendConflict(expected: ExpectedRevision, current: number | null): Buffer {
  return encodeMessage((response) =>
    response.message(2, (conflict) => {
      if (current === null) conflict.empty(2);
      else conflict.varint(1, wireRevision(current));
      if (expected === 'any') conflict.empty(4);
      else if (expected === 'stream_exists') conflict.empty(5);
      else conflict.varint(3, expected === 'no_stream' ? NO_STREAM_20_6_0 : wireRevision(expected));
      if (current === null) conflict.empty(7);
      else conflict.varint(6, wireRevision(current));
      if (expected === 'any') conflict.empty(9);
      else if (expected === 'stream_exists') conflict.empty(10);
      else if (expected === 'no_stream') conflict.empty(11);
      else conflict.varint(8, wireRevision(expected));
    }),
  );
}
