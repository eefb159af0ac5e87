import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLineOf, isRunning, sendSignal, waitUntilGone } from './process-identity.ts';

/** What Postgres says about itself in `postmaster.pid`, a file in its data folder, while it runs. */
interface PostmasterPid {
  readonly pid: number;
  readonly ready: boolean;
}

/**
 * Ends what an earlier Postgres of this folder left behind, so that a new one can start on it.
 *
 * The caller holds the lock of the data folder, so a server that still runs here has lost its ledger to a SIGKILL. It is
 * stopped like any other: "fast" (SIGINT), then "immediate" (SIGQUIT). When no such server runs, the file is stale, and
 * its first line may meanwhile be the id of an unrelated process, which Postgres would take for a server. The line is
 * then replaced by our own id: Postgres takes its parent's for stale, and still checks, by the rest of the file, that no
 * orphaned backend is using the folder's shared memory. Deleting the file would give that check up.
 */
export async function settleLeftoverPostgres(folder: string, graceMs: number): Promise<void> {
  const found = readPostmasterPid(folder);
  if (found === undefined) return;
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!isRunning(found.pid) || !commandLineOf(found.pid).includes(folder)) break;
    sendSignal(found.pid, signal);
    await waitUntilGone(found.pid, graceMs);
  }
  const file = join(folder, 'postmaster.pid');
  if (readPostmasterPid(folder) === undefined) return;
  const [, ...rest] = readFileSync(file, 'utf8').split('\n');
  writeFileSync(file, [String(process.pid), ...rest].join('\n'));
}

/** Whether the server with this id says that it accepts connections. */
export function saysReady(folder: string, pid: number): boolean {
  const found = readPostmasterPid(folder);
  return found !== undefined && found.pid === pid && found.ready;
}

function readPostmasterPid(folder: string): PostmasterPid | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  // The eighth line is the state: starting, stopping, ready or standby, padded with blanks.
  return Number.isSafeInteger(pid) && pid > 0 ? { pid, ready: lines[7]?.trim() === 'ready' } : undefined;
}
