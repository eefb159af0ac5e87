import { exitCodes } from './exit-codes.ts';

/**
 * Calls `onInterrupt` when the process is asked to end: once, with the signal. `onImpatience` is called when the request is
 * repeated later than it can be by accident: npm passes on the Ctrl-C that the terminal has already sent to its child, so a
 * second SIGINT within a second is the first one again.
 *
 * @returns a function that stops listening.
 */
export function onInterruption(onInterrupt: (signal: NodeJS.Signals) => void, onImpatience: () => void): () => void {
  const echoMs = 1000;
  let firstAt: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      onInterrupt(signal);
    } else if (performance.now() - firstAt > echoMs) {
      onImpatience();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

/**
 * Ends the process with 130 when it is asked to end, once `opened` is disposed of: what was started for the verb has stopped. Ends it at once
 * when asked again. It need not wait for what the verb has under way.
 *
 * @param onInterrupt for what is to be said then.
 * @returns to be disposed of before `opened`, at the verb's own end. After an interruption that never comes about: what fails then fails because
 *   its servers are being stopped, and nobody needs to be told of that.
 */
export function endWhenInterrupted(opened: AsyncDisposable, onInterrupt?: () => void): AsyncDisposable {
  let isInterrupted = false;
  const exit = (): never => process.exit(exitCodes.interrupted);
  const stopListening = onInterruption(() => {
    isInterrupted = true;
    onInterrupt?.();
    void opened[Symbol.asyncDispose]().then(exit, exit);
  }, exit);
  return {
    async [Symbol.asyncDispose]() {
      if (isInterrupted) await new Promise(() => {});
      stopListening();
    },
  };
}
