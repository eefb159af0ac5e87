// How much processor time processes have had, with all that they started: what a command costs, whatever else the machine does.
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's unit of it, on every Linux that Node runs on. */
const MS_PER_TICK = 10;
/** Fields of /proc/<pid>/stat behind the name, which is in brackets and may hold anything. */
const [PARENT, USER, SYSTEM, ENDED_USER, ENDED_SYSTEM] = [1, 11, 12, 13, 14];

interface Process {
  readonly parent: number;
  readonly ms: number;
}

function processes(): Map<number, Process> {
  const found = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const ticks = [USER, SYSTEM, ENDED_USER, ENDED_SYSTEM].reduce((sum, field) => sum + (fields[field] ?? 0), 0);
      found.set(Number(name), { parent: fields[PARENT] ?? 0, ms: ticks * MS_PER_TICK });
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** Processor time so far, in ms, by name, each with its descendants; empty where the system does not tell. */
export function processorTimesMs(pids: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  if (process.platform !== 'linux') return {};
  const all = processes();
  const isOf = (pid: number, root: number): boolean => {
    for (let at = pid; at > 1; at = all.get(at)?.parent ?? 0) if (at === root) return true;
    return false;
  };
  return Object.fromEntries(
    Object.entries(pids).map(([name, root]) => {
      // This process has started all the others.
      const own = root === process.pid ? [all.get(root)] : [...all].map(([pid, found]) => (isOf(pid, root) ? found : undefined));
      return [name, own.reduce((sum, found) => sum + (found?.ms ?? 0), 0)];
    }),
  );
}
