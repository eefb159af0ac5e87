// After an overload: from when on the ledger answers as usual again. Looked at in windows of time, by when requests were due.
import type { Outcome } from './outcomes.ts';

export interface Recovery {
  /** A request after the overload. @param sinceMs when it was due, from the end of the overload. */
  begun(sinceMs: number): void;
  ended(sinceMs: number, outcome: Outcome, latencyMs: number): void;
  /** From when on answers were as usual, in milliseconds from the end of the overload; undefined where they are not yet. */
  recoveredMs(): number | undefined;
}
export interface RecoveryOptions {
  /** What a request usually takes at most. */
  readonly usualMs: () => number;
  readonly onRecovered: () => void;
}

interface Window {
  underWay: number;
  usual: number;
  unusual: number;
}

export const WINDOW_MS = 500;
/** As many in a row: one might be by chance. */
const WINDOWS = 2;
/** As usual is what one in so many may exceed. */
const ONE_IN = 20;

export function makeRecovery({ usualMs, onRecovered }: RecoveryOptions): Recovery {
  const windows: Window[] = [];
  let recoveredMs: number | undefined;
  const windowAt = (sinceMs: number): Window => {
    const at = Math.max(0, Math.floor(sinceMs / WINDOW_MS));
    while (windows.length <= at) windows.push({ underWay: 0, usual: 0, unusual: 0 });
    return windows[at] ?? { underWay: 0, usual: 0, unusual: 0 };
  };
  /** The last window may have more to come. */
  const isAsUsual = ({ underWay, usual, unusual }: Window, at: number): boolean =>
    at < windows.length - 1 && underWay === 0 && usual > 0 && unusual * ONE_IN <= usual + unusual;

  function look(): void {
    if (recoveredMs !== undefined) return;
    const first = windows.findIndex((_, at) => {
      const row = windows.slice(at, at + WINDOWS);
      return row.length === WINDOWS && row.every((window, place) => isAsUsual(window, at + place));
    });
    if (first === -1) return;
    recoveredMs = first * WINDOW_MS;
    onRecovered();
  }

  return {
    begun(sinceMs) {
      windowAt(sinceMs).underWay += 1;
      look();
    },
    ended(sinceMs, { name }, latencyMs) {
      const window = windowAt(sinceMs);
      window.underWay -= 1;
      // What was refused in the overload has left steps behind that make no sense: those say nothing of now.
      if (name === 'ok' && latencyMs <= usualMs()) window.usual += 1;
      else if (name !== 'skipped') window.unusual += 1;
      look();
    },
    recoveredMs: () => recoveredMs,
  };
}
