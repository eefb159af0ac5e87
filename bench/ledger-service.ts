// The ledger as a process of its own, over stores that the benchmark has started.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export interface Stores {
  readonly folder: string;
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
}
export interface LedgerService {
  readonly url: string;
  /** An operator's access token, good for long enough. */
  readonly token: () => Promise<string>;
  stop(): Promise<void>;
}

/** Before a token expires, another is asked for. */
const TOKEN_MS = 10 * 60_000;

/** Starts it on any free port and waits until it is ready. `settings` are further environment variables. */
export async function startService(stores: Stores, settings: Readonly<Record<string, string>> = {}): Promise<LedgerService> {
  const env = {
    ...process.env,
    PORT: '0',
    LEDGER_LOG_LEVEL: 'warn',
    LEDGER_DATA_DIR: join(stores.folder, 'service'),
    EVENTSTORE_URL: stores.eventStoreUrl,
    DATABASE_URL: stores.databaseUrl,
    ...settings,
  };
  const child = spawn(process.execPath, ['src/cli/ledger.ts', 'start', '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(createInterface(child.stdout), 'line');
  const { apiUrl } = JSON.parse(line) as { apiUrl: string };
  let token: Promise<string> | undefined;
  let issuedAt = 0;
  const issue = async (): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, ['src/cli/ledger.ts', 'token', '--role', 'operator'], { env });
    return stdout.trim();
  };
  return {
    url: apiUrl,
    token: () => {
      if (token === undefined || Date.now() - issuedAt > TOKEN_MS) {
        issuedAt = Date.now();
        token = issue();
      }
      return token;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
