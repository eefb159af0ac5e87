import type { ProposedEvent } from '../codec/proposed-event.ts';

/** The data of all events of one append: exactly this much is allowed, as in the real server. */
export const MAX_APPEND_BYTES = 1_048_576;

/** Metadata and the events themselves are not counted there, but must not be without any limit either. */
const MAX_APPEND_MEMORY_BYTES = 16 * MAX_APPEND_BYTES;
const EVENT_OVERHEAD_BYTES = 256;

/** Larger messages are refused unread. Far above what an append may hold, so that an append too large gets its own error. */
export const MAX_MESSAGE_BYTES = 2 * MAX_APPEND_MEMORY_BYTES;

/** Adds up one append as it comes in. */
export interface AppendSize {
  /** Counts an event; false once the append is too large. */
  add(event: ProposedEvent): boolean;
}

export function createAppendSize(): AppendSize {
  let dataBytes = 0;
  let memoryBytes = 0;
  return {
    add: ({ data, customMetadata }) => {
      dataBytes += data.length;
      memoryBytes += data.length + customMetadata.length + EVENT_OVERHEAD_BYTES;
      return dataBytes <= MAX_APPEND_BYTES && memoryBytes <= MAX_APPEND_MEMORY_BYTES;
    },
  };
}
