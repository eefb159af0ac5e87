import type { ProposedEvent } from '../codec/proposed-event.ts';
import type { ExpectedRevision } from '../codec/shared-messages.ts';

/** One thing to be written, atomically. */
export type Write = AppendWrite | DeleteWrite;

export interface AppendWrite {
  readonly kind: 'append';
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly ProposedEvent[];
  /** Past this, in milliseconds since 1970, the write is not begun. */
  readonly deadlineMs: number;
}

export interface DeleteWrite {
  /** A deleted stream can be written again and goes on numbering; a tombstoned one never. */
  readonly kind: 'delete' | 'tombstone';
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly deadlineMs: number;
}

export type WriteOutcome =
  /** Durable. `revision` is null when the stream still has no event, `position` when nothing visible was written. */
  | { readonly kind: 'written'; readonly revision: number | null; readonly position: number | null }
  | { readonly kind: 'conflict'; readonly current: number | null }
  | { readonly kind: 'deleted'; readonly stream: string }
  | { readonly kind: 'expired' }
  /** Not written, and will not be. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The disk failed after the write was handed to it: it may be there after a restart, or not. */
  | { readonly kind: 'unknown'; readonly reason: string };
