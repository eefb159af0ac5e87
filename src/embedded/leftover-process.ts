import { commandLineOf, isRunning, sendSignal, waitUntilGone } from './process-identity.ts';

/**
 * Ends the server with this id that an earlier ledger left behind, and waits until it is gone: SIGTERM first, SIGKILL after
 * `graceMs`. Its command line must contain `mark`; an unrelated process that was given the same id since is left alone.
 */
export async function endLeftover(pid: number | undefined, mark: string, graceMs: number): Promise<void> {
  if (pid === undefined || !isRunning(pid) || !commandLineOf(pid).includes(mark)) return;
  sendSignal(pid, 'SIGTERM');
  if (await waitUntilGone(pid, graceMs)) return;
  sendSignal(pid, 'SIGKILL');
  await waitUntilGone(pid, graceMs);
}
