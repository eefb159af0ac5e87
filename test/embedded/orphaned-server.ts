import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const announced = z.object({ pid: z.number(), url: z.string() });

/**
 * Starts an embedded server from a process of its own and kills that process with SIGKILL.
 * With `keepGuard: false` the guard that would end the server is killed first, as by an out-of-memory killer.
 */
export async function orphanedServer(
  kind: 'postgres' | 'eventstore' | 'rabbitmq',
  dataDir: string,
  { keepGuard }: { keepGuard: boolean },
): Promise<z.output<typeof announced>> {
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'start-and-linger.ts'), kind, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  const server = announced.parse(JSON.parse(String(line)));
  if (!keepGuard) for (const guard of guardsOf(server.pid)) process.kill(guard, 'SIGKILL');
  const gone = once(parent, 'exit');
  parent.kill('SIGKILL');
  await gone;
  return server;
}

function guardsOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        const words = readFileSync(`/proc/${candidate}/cmdline`, 'utf8').split('\0');
        return words.includes('ledger-guard') && words.includes(String(pid));
      } catch {
        return false;
      }
    });
}
