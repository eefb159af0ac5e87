// A ledger as a process of its own, over stores that the benchmark has started.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export interface Stores {
  readonly folder: string;
  /** Absent for a ledger without events. */
  readonly eventStoreUrl?: string;
  readonly databaseUrl: string;
}
export interface LedgerService {
  readonly url: string;
  readonly pid: number;
  /** An operator's access token, good for long enough. */
  readonly token: () => Promise<string>;
  stop(): Promise<void>;
  /** Ends it without a word. */
  kill(): Promise<void>;
}

export interface HowToStart {
  /** What to run instead of the ledger: a program that takes its settings and tells its address as it does. */
  readonly program?: string;
  /** For Node itself, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

/** Before a token expires, another is asked for. */
const TOKEN_MS = 10 * 60_000;
export const LEDGER = join(import.meta.dirname, '..', 'src', 'cli', 'ledger.ts');
export const PLAIN_LEDGER = join(import.meta.dirname, 'plain-ledger', 'main.ts');

/** Starts it on any free port and waits until it answers. `settings` are further environment variables. @throws where it ends before. */
export async function startService(
  { folder, eventStoreUrl = '', databaseUrl }: Stores,
  settings: Readonly<Record<string, string>> = {},
  { program = LEDGER, nodeArgs = [] }: HowToStart = {},
): Promise<LedgerService> {
  const env = {
    ...process.env,
    PORT: '0',
    LEDGER_LOG_LEVEL: 'warn',
    LEDGER_DATA_DIR: join(folder, 'service'),
    EVENTSTORE_URL: eventStoreUrl,
    DATABASE_URL: databaseUrl,
    ...settings,
  };
  const child = spawn(process.execPath, [...nodeArgs, program, 'start', '--json'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout);
  const [line] = await Promise.race([once(lines, 'line'), exited.then((): readonly string[] => [])]);
  if (line === undefined) throw new Error(`${program} ended before it answered`);
  const { apiUrl } = JSON.parse(line) as { apiUrl: string };
  let token: Promise<string> | undefined;
  let issuedAt = 0;
  const issue = async (): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [LEDGER, 'token', '--role', 'operator'], { env });
    return stdout.trim();
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return {
    url: apiUrl,
    pid: child.pid ?? 0,
    token: () => {
      if (token === undefined || Date.now() - issuedAt > TOKEN_MS) {
        issuedAt = Date.now();
        token = issue();
      }
      return token;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}
