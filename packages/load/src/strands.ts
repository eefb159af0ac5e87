// Strands: steps that build on one another take their turns, and hand on what the first of them made.
import type { Step } from './steps.ts';

/** What later steps of a strand need to know. */
export interface StrandState {
  /** The hold or order that it is about. */
  itemId?: string;
  /** How its first command was answered. */
  revision?: string;
}
export interface Turn {
  readonly state: StrandState;
  /** Lets the next one in. Broken: what the rest builds on is not there. */
  leave(how: 'whole' | 'broken'): void;
}

export interface Strands {
  /** Waits until those before it are over. @returns undefined where what it builds on is not there: it makes no sense then. */
  enter(step: Pick<Step, 'strand'>): Promise<Turn | undefined>;
  /** A step that will never take its turn. */
  abandon(step: Pick<Step, 'strand'>): void;
}

interface Entry {
  readonly state: StrandState;
  isBroken: boolean;
  tail: Promise<void>;
}

const NONE: Turn = { state: {}, leave: () => undefined };

export function makeStrands(): Strands {
  const entries = new Map<number, Entry>();

  return {
    async enter({ strand }) {
      if (strand === undefined) return NONE;
      const { id, place, after } = strand;
      const { promise: left, resolve } = Promise.withResolvers<void>();
      const before = place === 'begins' ? after : id;
      const previous = before === undefined ? undefined : entries.get(before)?.tail;
      if (place === 'begins') entries.set(id, { state: {}, isBroken: false, tail: left });
      const entry = entries.get(id);
      if (entry === undefined) return undefined;
      entry.tail = left;
      await previous;
      const leave = (how: 'whole' | 'broken'): void => {
        if (how === 'broken') entry.isBroken = true;
        if (place === 'ends') entries.delete(id);
        resolve();
      };
      if (!entry.isBroken) return { state: entry.state, leave };
      leave('broken');
      return undefined;
    },
    abandon({ strand }) {
      if (strand === undefined) return;
      const { id, place, after } = strand;
      if (place === 'begins') {
        const before = (after === undefined ? undefined : entries.get(after)?.tail) ?? Promise.resolve();
        entries.set(id, { state: {}, isBroken: false, tail: before });
      }
      const entry = entries.get(id);
      if (entry === undefined) return;
      // Those before it go on as if nothing had happened; those after it wait for them, and make no sense any more.
      entry.tail = entry.tail.then(() => {
        entry.isBroken = true;
        if (place === 'ends') entries.delete(id);
      });
    },
  };
}
