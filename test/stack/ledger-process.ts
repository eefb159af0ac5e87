import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { allSettings } from '../../src/config.ts';
import { readRuntimeFile } from '../../src/embedded/runtime-file.ts';
import type { Role } from '../../src/identity/roles.ts';
import { PATIENCE_MS } from './patience.ts';
import { scratchFolder } from './scratch-folder.ts';
import type { TestTokens } from './tokens.ts';
import { startTokens } from './tokens.ts';

const sources = fileURLToPath(new URL('../../src/cli/ledger.ts', import.meta.url));
/** How long a process that was given up may take to end by itself. */
const LAST_GRACE_MS = 10_000;
/** How long its readiness may take to be said. */
const ANSWER_MS = 10_000;
const readyLine = z.object({ apiUrl: z.string().nullable() });

export interface LedgerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LedgerProcess extends AsyncDisposable {
  /** Base of the API, e.g. `http://127.0.0.1:40123`; empty for a process without the role `api`. */
  readonly apiUrl: string;
  /** An operator's access token; empty for a process without the role `api`. */
  readonly operatorToken: string;
  /** A token for 15 minutes of that role. @param subject of a user: the UUID. */
  token(role: Role, subject: string): Promise<string>;
  readonly pid: number;
  readonly dataDir: string;
  /** Settles when the process has ended. */
  readonly exited: Promise<LedgerExit>;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Sends the signal (SIGTERM unless told otherwise) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<LedgerExit>;
  /** Ends it if it still runs, and deletes its data folder unless the caller chose that folder. */
  close(): Promise<void>;
}

/**
 * The environment of a ledger process: nothing of the test run's own settings, any free port, no log lines below
 * warnings. What is given wins.
 */
export function ledgerEnvironment(given: Readonly<Record<string, string>>): Record<string, string> {
  const own = new Set(allSettings().flatMap(({ variable }) => [variable, `${variable}_FILE`]));
  const inherited = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    value === undefined || own.has(name) || name.startsWith('LEDGER_') ? [] : [[name, value]],
  );
  return { ...Object.fromEntries(inherited), PORT: '0', LEDGER_LOG_LEVEL: 'warn', ...given };
}

export interface SpawnOptions {
  readonly program?: string;
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Starts a real `ledger start` process and waits until it is ready: it has said so, and, where it serves an API,
 * `/health/ready` answers 200. Stores that are not given in the environment come up embedded, in its data folder.
 *
 * @example
 * ```ts
 * const stores = await startStores();
 * const ledger = await spawnLedger(stores.environment);
 * const answer = await fetch(`${ledger.apiUrl}/v1/assets`);
 * await ledger.stop('SIGKILL');
 * ```
 * @param program another copy of `src/cli/ledger.ts` to run, such as the one in an image.
 * @param patienceMs how long it may take.
 * @param signal nobody waits for it any more: it is killed.
 * @throws with everything the process wrote to stderr, and what it said of its readiness last, when it ends before it is ready or is not in time.
 */
export async function spawnLedger(
  environment: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
  { program = sources, patienceMs = PATIENCE_MS, signal }: SpawnOptions = {},
): Promise<LedgerProcess> {
  const ownFolder = environment['LEDGER_DATA_DIR'] === undefined ? await scratchFolder() : undefined;
  const dataDir = environment['LEDGER_DATA_DIR'] ?? ownFolder ?? '';
  const env = ledgerEnvironment({ ...environment, LEDGER_DATA_DIR: dataDir });
  const child = spawn(process.execPath, [program, 'start', '--json', ...args], {
    env,
    // Away from the checkout, where a developer may have a .env.
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  let ended = false;
  const exited = once(child, 'close').then(([code, signal]): LedgerExit => {
    ended = true;
    return { code, signal };
  });

  const stop = async (how: NodeJS.Signals = 'SIGTERM'): Promise<LedgerExit> => {
    child.kill(how);
    return exited;
  };
  const close = async (): Promise<void> => {
    if (!ended) await stop();
    if (ownFolder !== undefined) await rm(ownFolder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  };

  const deadline = Date.now() + patienceMs;
  let apiUrl: string | undefined;
  let said = 'nothing';
  for (;;) {
    if (apiUrl === undefined && stdout.includes('\n')) apiUrl = readyLine.parse(JSON.parse(stdout.split('\n')[0] ?? '')).apiUrl ?? '';
    if (apiUrl === '') break;
    if (apiUrl !== undefined) {
      const { isReady, text } = await readiness(apiUrl, Math.min(ANSWER_MS, Math.max(1, deadline - Date.now())));
      if (isReady) break;
      said = text;
    }
    if (ended || Date.now() > deadline || signal?.aborted === true) {
      const how = ended ? `ended with code ${(await exited).code}` : `was not ready in time, and said of it last: ${said}`;
      if (signal?.aborted === true) child.kill('SIGKILL');
      const graceless = setTimeout(() => child.kill('SIGKILL'), LAST_GRACE_MS);
      await close().finally(() => clearTimeout(graceless));
      throw new Error(`the ledger process ${how}; it wrote:\n${stderr}`);
    }
    await sleep(25);
  }
  const tokens = await tokensOf(apiUrl, dataDir, env).catch(async (error: unknown) => {
    await close(); // Postgres went away just now
    throw error;
  });
  return {
    apiUrl,
    operatorToken: tokens?.operator ?? '',
    token: (...whose: Parameters<TestTokens['token']>) => {
      if (tokens === undefined) throw new Error('a process without the API takes no tokens');
      return tokens.token(...whose);
    },
    pid: child.pid ?? 0,
    dataDir,
    exited,
    stdout: () => stdout,
    stderr: () => stderr,
    stop,
    close,
    [Symbol.asyncDispose]: close,
  };
}

const tokensOf = async (
  apiUrl: string,
  dataDir: string,
  env: Readonly<Record<string, string>>,
): Promise<Awaited<ReturnType<typeof startTokens>> | undefined> =>
  apiUrl === '' ? undefined : startTokens(apiUrl, readRuntimeFile(dataDir)?.databaseUrl ?? '', env);

async function readiness(apiUrl: string, withinMs: number): Promise<{ readonly isReady: boolean; readonly text: string }> {
  try {
    const answer = await fetch(`${apiUrl}/health/ready`, { signal: AbortSignal.timeout(withinMs) });
    return { isReady: answer.status === 200, text: `${answer.status} ${await answer.text()}` };
  } catch (error) {
    return { isReady: false, text: String(error) };
  }
}
