// Waiting that an end cuts short.

export interface Pauses {
  /** Resolves after `ms`, or at once when the end has come. */
  pause(ms: number): Promise<void>;
  /** Ends all pauses, now and from now on, and those of every child. */
  end(): void;
  ended(): boolean;
}

/** Pauses that also end when those of `parent` do. */
export function makePauses(parent?: AbortSignalHolder): Pauses & AbortSignalHolder {
  const controller = new AbortController();
  const signal = parent === undefined ? controller.signal : AbortSignal.any([parent.signal, controller.signal]);
  return {
    signal,
    pause: (ms) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done);
      }),
    end: () => controller.abort(),
    ended: () => signal.aborted,
  };
}

interface AbortSignalHolder {
  readonly signal: AbortSignal;
}
