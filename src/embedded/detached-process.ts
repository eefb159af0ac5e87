import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { sendSignal } from './process-identity.ts';

export interface DetachedProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** What the process writes to stderr (and to stdout, unless `onLine` takes it) is appended here. */
  readonly logFile: string;
  /** Called with each line of stdout. */
  readonly onLine?: (line: string) => void;
  /** Sent one after another by `stop`, and the first also when this process dies; SIGKILL is the last resort. */
  readonly stopSignals: readonly [NodeJS.Signals, ...NodeJS.Signals[]];
  readonly environment?: NodeJS.ProcessEnv;
  /** Working directory. The embedded servers use their data folder's parent, which they can certainly enter. */
  readonly directory?: string;
  /** The user and group to run as; only root can choose them. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
}

export interface DetachedProcess {
  readonly pid: number;
  /** Settles when the process has ended, for whatever reason, with a sentence saying how. Never rejects. */
  readonly exited: Promise<string>;
  /** Ends the process and waits until it is gone. Each signal gets `graceMs` to take effect. Safe to call twice. */
  stop(graceMs: number): Promise<void>;
}

const maximalLogBytes = 8 * 1024 * 1024;

/**
 * Starts a server as a process in a session of its own.
 *
 * A terminal's Ctrl-C goes to the whole foreground group; in its own session the server does not hear it, so that the
 * ledger can finish what it is doing before it stops its stores. In return, something else must end the server when
 * the ledger is killed with SIGKILL: a small shell waits for the end of a pipe that only this process holds open, and
 * then sends the server its stop signal.
 */
export async function spawnDetached(options: DetachedProcessOptions): Promise<DetachedProcess> {
  const log = openLog(options.logFile);
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', options.onLine === undefined ? log : 'pipe', log],
    env: options.environment ?? process.env,
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
    ...options.account,
  });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.command} ${await exited}`);

  const guard = spawnGuard(pid, options.stopSignals[0]);
  const { onLine } = options;
  if (onLine !== undefined && child.stdout !== null) createInterface({ input: child.stdout }).on('line', onLine);
  void exited.then(() => dismiss(guard));

  let running = true;
  void exited.then(() => {
    running = false;
  });
  return {
    pid,
    exited,
    async stop(graceMs) {
      for (const signal of [...options.stopSignals, 'SIGKILL'] as const) {
        if (!running) return;
        sendSignal(pid, signal);
        await Promise.race([exited, delay(graceMs)]);
      }
      await exited;
    },
  };
}

/** The last lines of a log file, for an error message that should say what the server itself said. */
export function lastLines(logFile: string, count = 8): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}

function spawnGuard(pid: number, signal: NodeJS.Signals): ChildProcess {
  // `cat` ends when the write end of the pipe closes, which the kernel does however this process dies.
  const script = 'cat > /dev/null; kill -s "$1" "$2" 2> /dev/null';
  const guard = spawn('/bin/sh', ['-c', script, 'ledger-guard', signal.slice('SIG'.length), String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.stdin?.on('error', () => undefined);
  guard.unref();
  return guard;
}

/** The guard must not act any more: the process it watches is gone, and its id may be given to another. */
function dismiss(guard: ChildProcess): void {
  // The shell first, so that it does not go on to `kill` when its `cat` ends with the pipe.
  guard.kill('SIGKILL');
  guard.stdin?.destroy();
}

function openLog(logFile: string): number {
  try {
    if (statSync(logFile).size > maximalLogBytes) renameSync(logFile, `${logFile}.1`);
  } catch {
    // No log yet.
  }
  return openSync(logFile, 'a', 0o600);
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    timer.unref();
  });
}
