// Waiting that an end cuts short.

export interface Pauses {
  /** Fires at the end. */
  readonly signal: AbortSignal;
  /** Resolves after `ms`, or at once when the end has come. */
  pause(ms: number): Promise<void>;
  /** Resolves when the end has come. */
  ending(): Promise<void>;
  /** Ends all pauses, now and from now on, and those of every child. */
  end(): void;
  ended(): boolean;
}

/** Pauses that also end when those of `parent` do. */
export function makePauses(parent?: Pick<Pauses, 'signal'>): Pauses {
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
    ending: () => (signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener('abort', () => resolve()))),
    end: () => controller.abort(),
    ended: () => signal.aborted,
  };
}
