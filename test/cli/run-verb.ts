import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerEnvironment } from '../stack/ledger-process.ts';

const program = join(import.meta.dirname, '../../src/cli/ledger.ts');

/** Runs a verb of the command line to its end, with nothing of the test run's own settings. */
export async function runVerb(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, ...args], {
    env: ledgerEnvironment(environment),
    // Away from the checkout, where a developer may have a .env.
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
  const [code] = await closed;
  return { code, stdout: stdout.join(''), stderr: stderr.join('') };
}
