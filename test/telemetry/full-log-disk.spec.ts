import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { ledgerEnvironment } from '../stack/ledger-process.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { startStores } from '../stack/stores.ts';
import { waitFor } from '../stack/waiting.ts';

const program = fileURLToPath(new URL('../../src/cli/ledger.ts', import.meta.url));

test('a ledger whose messages find no room on their disk starts, works, and stops in order', async () => {
  await using stores = await startStores();
  const dataDir = await scratchFolder();
  const env = ledgerEnvironment({
    ...stores.environment,
    LEDGER_DATA_DIR: dataDir,
    LEDGER_EMBEDDED_BROKER: 'false',
    LEDGER_LOG_LEVEL: 'trace',
  });
  // What is written to this device finds no room.
  const child = spawn('bash', ['-c', 'exec "$@" 2> /dev/full', 'full', process.execPath, program, 'start', '--json'], {
    env,
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  });
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exited.then(([code]) => Promise.reject(new Error(`it ended with code ${code}`))),
  ]);
  const { apiUrl } = z.object({ apiUrl: z.string() }).parse(JSON.parse(String(line)));
  await waitFor(async () => expect((await fetch(`${apiUrl}/health/ready`)).status).toBe(200));
  child.kill('SIGTERM');
  expect((await exited)[0]).toBe(0);
});
