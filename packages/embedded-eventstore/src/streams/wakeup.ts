import type { Commit, CommitSignal } from '../log/commit-signal.ts';
import type { Outlet } from './outlet.ts';

/** Lets a subscription sleep until there is something new. */
export interface Wakeup {
  /** Resolves after the next commit since the last call, at once if there was one; or when the call is over. */
  next(): Promise<void>;
  /** The largest append since the last call of `next`. */
  largestAppend(): number;
}

/** For one stream, or for all of them when `stream` is null. Ends with the outlet. */
export function createWakeup(commits: CommitSignal, stream: string | null, outlet: Outlet): Wakeup {
  let missed = false;
  let largest = 0;
  let resume: (() => void) | null = null;

  function wake(): void {
    const waiting = resume;
    resume = null;
    if (waiting === null) missed = true;
    else waiting();
  }

  const unsubscribe = commits.subscribe(stream, (commit: Commit) => {
    largest = Math.max(largest, commit.largestAppend);
    wake();
  });
  outlet.onClosed(() => {
    unsubscribe();
    wake();
  });

  return {
    next: () => {
      if (missed || outlet.closed()) {
        missed = false;
        return Promise.resolve();
      }
      largest = 0;
      return new Promise((resolve) => {
        resume = resolve;
      });
    },
    largestAppend: () => largest,
  };
}
