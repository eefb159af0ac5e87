// Programs that the benchmark runs and waits for, with the most memory that each had.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  /** The most that was resident, in MiB; as the kernel says, so on Linux only. */
  readonly peakMiB: number;
}

const LOOK_EVERY_MS = 100;
const KIB_PER_MIB = 1024;

/** Runs a program of this repository to its end. */
export async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  let peakMiB = Number.NaN;
  const looking = setInterval(() => {
    try {
      const [, kib] = /^VmHWM:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      if (kib !== undefined) peakMiB = Number(kib) / KIB_PER_MIB;
    } catch {
      // It has ended, or there is no such file on this system.
    }
  }, LOOK_EVERY_MS);
  const [stdout, stderr] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
  const [code] = (await closed) as [number];
  clearInterval(looking);
  if (code > 1) throw new Error(`${args.join(' ')} ended with ${code}:\n${stderr.join('')}`);
  return { code, stdout: stdout.join(''), peakMiB };
}
