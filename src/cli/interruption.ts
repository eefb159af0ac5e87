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
