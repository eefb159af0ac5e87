import { encodePosition, encodeStreamIdentifier, wireRevision } from './shared-messages.ts';
import { encodeMessage } from './wire-writer.ts';

/**
 * ReadResp with an event. `record` and `link` are RecordedEvents as stored; `record` is null for a link whose target is gone.
 * `position` is that of the event read, which is the link where there is one.
 */
export function encodeReadEvent(record: Uint8Array | null, link: Uint8Array | null, position: number): Buffer {
  return encodeMessage((response) =>
    response.message(1, (event) => {
      if (record !== null) event.bytes(1, record);
      if (link !== null) event.bytes(2, link);
      event.varint(3, position);
    }),
  );
}

export function encodeConfirmation(subscriptionId: string): Buffer {
  return encodeMessage((response) => response.message(2, (confirmation) => confirmation.string(1, subscriptionId)));
}

export function encodeCheckpoint(position: number): Buffer {
  return encodeMessage((response) => encodePosition(response, 3, position));
}

export function encodeStreamNotFound(stream: string): Buffer {
  return encodeMessage((response) => response.message(4, (notFound) => encodeStreamIdentifier(notFound, 1, stream)));
}

export function encodeFirstStreamPosition(revision: number): Buffer {
  return encodeMessage((response) => response.varint(5, wireRevision(revision)));
}

export function encodeLastStreamPosition(revision: number): Buffer {
  return encodeMessage((response) => response.varint(6, wireRevision(revision)));
}

export function encodeCaughtUp(): Buffer {
  return encodeMessage((response) => response.empty(8));
}
