// The ledger as a process of its own, over stores that the benchmark has started.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Stores {
  readonly folder: string;
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
}
export interface LedgerService {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it on any free port and waits until it is ready. `settings` are further environment variables. */
export async function startService(stores: Stores, settings: Readonly<Record<string, string>> = {}): Promise<LedgerService> {
  const child = spawn(process.execPath, ['src/cli/ledger.ts', 'start', '--json'], {
    env: {
      ...process.env,
      PORT: '0',
      LEDGER_LOG_LEVEL: 'warn',
      LEDGER_DATA_DIR: join(stores.folder, 'service'),
      EVENTSTORE_URL: stores.eventStoreUrl,
      DATABASE_URL: stores.databaseUrl,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(createInterface(child.stdout), 'line');
  const { apiUrl } = JSON.parse(line) as { apiUrl: string };
  return {
    url: apiUrl,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
