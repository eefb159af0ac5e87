import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';

const BIN = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));
/** For `vi.waitUntil`: a deadline that only ever ends a hang, however busy the machine is. */
export const PATIENTLY = { timeout: 300_000, interval: 10 };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The bin, running in a process of its own. */
export interface ServerProcess {
  readonly pid: number;
  /** What it announced in its ready line. */
  readonly url: string;
  stdout(): string;
  stderr(): string;
  /** Sends the signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<Exit>;
}

export interface Launch {
  readonly args: readonly string[];
  /** A command that runs the server's own command line, such as a shell that sets a limit first. */
  readonly through?: readonly string[];
  readonly bin?: string;
}

interface Launched {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly output: { stdout: string; stderr: string };
}

function launch({ args, through = [], bin = BIN }: Launch): Launched {
  const [command = process.execPath, ...rest] = [...through, process.execPath, bin, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, exited, output };
}

/** Starts the server and waits until it is ready; fails with what it said when it ends instead. */
export async function startServerProcess(options: Launch): Promise<ServerProcess> {
  const { child, exited, output } = launch(options);
  const url = await vi.waitUntil(() => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended at once: ${output.stderr}`);
    return /^embedded-eventstore ready (\S+)\n/m.exec(output.stdout)?.[1];
  }, PATIENTLY);
  return {
    pid: child.pid ?? 0,
    url,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    stop: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

/** Runs the bin to its end: for starts that fail. */
export async function runToEnd(options: Launch): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const { exited, output } = launch(options);
  return { ...(await exited), ...output };
}
