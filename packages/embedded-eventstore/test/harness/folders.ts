import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** Linux keeps this one in memory: for thousands of small stores, of which none has to outlive anything. */
const MEMORY = '/dev/shm';

/** An empty folder that is removed after the test. */
export function temporaryFolder({ inMemory = false } = {}): string {
  const parent = inMemory && fs.existsSync(MEMORY) ? MEMORY : os.tmpdir();
  const folder = fs.mkdtempSync(path.join(parent, 'embedded-eventstore-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The file the events are in, for the tests that damage it. */
export function eventsFile(folder: string): string {
  return path.join(folder, 'events.sqlite');
}
