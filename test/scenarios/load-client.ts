// The load client as a process of its own, as an operator of a deployment would run it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerEnvironment } from '../stack/ledger-process.ts';

export const LOAD_PROGRAM = join(import.meta.dirname, '../../packages/load/src/bin.ts');

/** Runs it to its end. @returns its exit code, and what it printed, as JSON. */
export async function runLoadClient({
  url,
  token,
  args,
}: {
  readonly url: string;
  readonly token: string;
  readonly args: readonly string[];
}): Promise<{ readonly code: number; readonly report: unknown }> {
  const child = spawn(process.execPath, [LOAD_PROGRAM, '--url', url, ...args, '--json'], {
    env: { ...ledgerEnvironment({}), LEDGER_TOKEN: token },
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const stdout = (await child.stdout.toArray()).join('');
  const [code] = await closed;
  return { code, report: JSON.parse(stdout) };
}
