// Which commands were answered, and how: some bits a command, so that an hour's worth of them fits into some megabytes.
import type { CommandName } from './keys.ts';
import { commandNamedBy } from './keys.ts';
import { COMMANDS_PER_STEP } from './steps.ts';

/** How a command was answered: both leave an event under its key, and nothing else does. */
export type Answered = 'applied' | 'refused';

export interface Acknowledged {
  answered(name: CommandName, how: Answered): void;
  /** Nobody learned what became of it: it may be in the log or not. */
  leftOpen(name: CommandName): void;
  /** An event of the log with that key. @returns what is wrong with it. */
  found(key: string, as: Answered): string | undefined;
  /** What was answered and was not found. */
  missing(): Iterable<CommandName & { readonly how: Answered }>;
  count(how: Answered): number;
}

export interface AcknowledgedOptions {
  readonly run: string;
  readonly steps: number;
  /** How many steps came before the plan, with the numbers -1, -2 and so on. */
  readonly stepsBefore: number;
}

export function makeAcknowledged({ run, steps, stepsBefore }: AcknowledgedOptions): Acknowledged {
  const bytes = Math.ceil(((steps + stepsBefore) * COMMANDS_PER_STEP) / 8);
  const marks = { applied: new Uint8Array(bytes), refused: new Uint8Array(bytes), found: new Uint8Array(bytes) };
  const counts = { applied: 0, refused: 0 };
  const open = new Set<number>();
  const placeOf = ({ number, entry }: CommandName): number => (number + stepsBefore) * COMMANDS_PER_STEP + entry;
  const nameAt = (place: number): CommandName => ({
    number: Math.floor(place / COMMANDS_PER_STEP) - stepsBefore,
    entry: place % COMMANDS_PER_STEP,
  });
  const has = (mark: Uint8Array, place: number): boolean => ((mark[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
  const set = (mark: Uint8Array, place: number): void => {
    mark[place >> 3] = (mark[place >> 3] ?? 0) | (1 << (place & 7));
  };

  return {
    answered(name, how) {
      const place = placeOf(name);
      if (has(marks[how], place)) return;
      set(marks[how], place);
      counts[how] += 1;
    },
    leftOpen: (name) => void open.add(placeOf(name)),
    found(key, as) {
      const name = commandNamedBy(run, key);
      if (name === undefined) return `the key ${key} is of nothing that was sent`;
      const place = placeOf(name);
      if (has(marks.found, place)) return `the command ${key} is in the log twice`;
      set(marks.found, place);
      if (has(marks[as], place) || open.has(place)) return undefined;
      const other = as === 'applied' ? 'refused' : 'applied';
      return has(marks[other], place)
        ? `the command ${key} was answered as ${other}, and is in the log as ${as}`
        : `the command ${key} was never answered as ${as}`;
    },
    *missing() {
      for (let place = 0; place < bytes * 8; place += 1) {
        if (has(marks.found, place)) continue;
        if (has(marks.applied, place)) yield { ...nameAt(place), how: 'applied' };
        else if (has(marks.refused, place)) yield { ...nameAt(place), how: 'refused' };
      }
    },
    count: (how) => counts[how],
  };
}
