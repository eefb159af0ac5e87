// Signals to a server with all its processes: a Postgres is a dozen, a RabbitMQ some three.
import { readdirSync, readFileSync } from 'node:fs';
import { isRunning, sendSignal } from '../../src/embedded/process-identity.ts';

/** The process and all that it and its children have started; empty where it is gone. */
function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isNaN(pid) ? undefined : parentOf(pid);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = isRunning(root) ? [root] : [];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may itself contain spaces and parentheses.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // it has ended meanwhile
  }
}

/** Sends the signal to all of them. @returns how many there were */
export function signalTree(root: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): number {
  const pids = processTree(root);
  for (const pid of pids) sendSignal(pid, signal);
  return pids.length;
}
