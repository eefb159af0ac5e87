import type { StoredEvent } from '../log/event-table.ts';

/** How many events to read from storage at a time, so that a page stays small whatever the size of the events. */
export interface PageSize {
  next(): number;
  /** Learns from the page that was read. */
  learn(page: readonly StoredEvent[]): void;
}

/** The first page is read before anything is known of the size of the events: at most 16 appends of the largest size. */
const FIRST_EVENTS = 16;
/** Keeps the event loop for about a millisecond. */
const MAX_EVENTS = 512;
const TARGET_BYTES = 512 * 1024;

export function createPageSize(): PageSize {
  let size = FIRST_EVENTS;
  return {
    next: () => size,
    learn: (page) => {
      if (page.length === 0) return;
      const bytes = page.reduce((sum, event) => sum + event.record.length, 0);
      const fitting = Math.floor((TARGET_BYTES * page.length) / Math.max(bytes, 1));
      size = Math.min(Math.max(fitting, 1), MAX_EVENTS, size * 4);
    },
  };
}
