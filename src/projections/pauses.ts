// Waiting that an end cuts short.

export interface Pauses {
  /** Fires at the end. */
  readonly signal: AbortSignal;
  /** Resolves after `ms`, or at once when the end has come. */
  pause(ms: number): Promise<void>;
  /** Resolves when the end has come. It keeps something until then: for what happens once. */
  ending(): Promise<void>;
  /** Resolves when the work is done, or the end has come; rejects where the work does. Keeps nothing of it afterwards. */
  untilEnd(work: Promise<unknown>): Promise<void>;
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
    untilEnd: (work) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return resolve();
        const done = (): void => {
          signal.removeEventListener('abort', done);
          resolve();
        };
        signal.addEventListener('abort', done);
        void work.catch(reject).finally(done);
      }),
    end: () => controller.abort(),
    ended: () => signal.aborted,
  };
}
