// The whole service as a process of its own, for verbs that need one to run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { EmbeddedServerError } from '../embedded/embedded-server.ts';

const program = fileURLToPath(new URL('ledger.ts', import.meta.url));
const Ready = z.object({ apiUrl: z.url() });

export interface ServiceProcess extends AsyncDisposable {
  readonly apiUrl: string;
}

/**
 * Starts `ledger start` with this process's environment, on any free port where none is set, and waits until it is ready. Disposing of it
 * stops it, and what it has started, in order.
 *
 * @throws EmbeddedServerError where it ends before; it has said why on stderr.
 */
export async function startService(): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [program, 'start', '--json'], {
    env: { PORT: '0', LEDGER_LOG_LEVEL: 'warn', ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    // A terminal's Ctrl-C is for the verb: the service is needed until that has ended.
    detached: true,
  });
  const ended = once(child, 'close');
  const ready = once(createInterface(child.stdout), 'line').then(([line]) => Ready.parse(JSON.parse(String(line))));
  const started = await Promise.race([ready, ended.then(() => undefined)]);
  if (started === undefined) throw new EmbeddedServerError('the ledger did not start');
  return {
    apiUrl: started.apiUrl,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
