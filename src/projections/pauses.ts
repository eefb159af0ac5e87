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
  const untilEnd = (work: Promise<unknown>): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done);
      void work.catch(reject).finally(done);
    });
  return {
    signal,
    async pause(ms) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      await untilEnd(promise);
      clearTimeout(timer);
    },
    ending: () => (signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener('abort', () => resolve()))),
    untilEnd,
    end: () => controller.abort(),
    ended: () => signal.aborted,
  };
}
