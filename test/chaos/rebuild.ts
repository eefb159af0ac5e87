// The projections built anew and swapped in, by the command line's own verb, under all that goes on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ledgerEnvironment } from '../stack/ledger-process.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { ChaosStack } from './stack.ts';

const program = fileURLToPath(new URL('../../src/cli/ledger.ts', import.meta.url));
/** A server that is away may keep it waiting; the next rebuild goes on where this one was. */
const GIVE_UP_MS = 20_000;

/** @returns whether the rebuilt tables are in place */
export async function rebuildAndSwap({ eventStore, postgres }: ChaosStack): Promise<boolean> {
  const dataDir = await scratchFolder();
  const env = ledgerEnvironment({
    EVENTSTORE_URL: eventStore.url,
    DATABASE_URL: postgres.url,
    LEDGER_KEY_SECRET: TEST_KEY_SECRET,
    LEDGER_DATA_DIR: dataDir,
  });
  const child = spawn(process.execPath, [program, 'rebuild', '--swap', '--json'], {
    env,
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), GIVE_UP_MS);
  await once(child, 'close');
  clearTimeout(timer);
  await rm(dataDir, { recursive: true, force: true });
  return stdout.includes('"swapped":true');
}
