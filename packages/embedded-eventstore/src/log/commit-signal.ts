/** A commit that became readable. */
export interface Commit {
  readonly streams: ReadonlySet<string>;
  /** The number of events of the largest append in it. */
  readonly largestAppend: number;
}

/** Wakes those who wait for events to appear. It carries no events: they are read from the log. */
export interface CommitSignal {
  /**
   * Calls `listener` after each commit that adds events to `stream`, or to any stream when it is null. Answers a function
   * that stops it.
   */
  subscribe(stream: string | null, listener: (commit: Commit) => void): () => void;
  notify(commit: Commit): void;
  close(): void;
}

type Listener = (commit: Commit) => void;

export function createCommitSignal(): CommitSignal {
  const toAll = new Set<Listener>();
  const toStream = new Map<string, Set<Listener>>();

  return {
    subscribe: (stream, listener) => {
      if (stream === null) {
        toAll.add(listener);
        return () => toAll.delete(listener);
      }
      const listeners = toStream.get(stream) ?? new Set();
      toStream.set(stream, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && toStream.get(stream) === listeners) toStream.delete(stream);
      };
    },
    notify: (commit) => {
      for (const listener of toAll) listener(commit);
      if (toStream.size === 0) return;
      for (const stream of commit.streams) for (const listener of toStream.get(stream) ?? []) listener(commit);
    },
    close: () => {
      toAll.clear();
      toStream.clear();
    },
  };
}
