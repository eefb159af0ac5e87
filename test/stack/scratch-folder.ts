// Folders for servers whose data does not outlive the test run.
import { statfsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux keeps this one in memory: a quarter of all that a run costs is the making, flushing and deleting of its servers' files. */
const IN_MEMORY = '/dev/shm';
/** Several times what a run writes; containers often have 64 MB of it. */
const ROOM_BYTES = 4 * 1024 ** 3;

/** Makes an empty folder of one's own: in memory where there is room, else on the disk. Whoever asks for it deletes it. */
export function scratchFolder(): Promise<string> {
  return mkdtemp(join(hasRoom() ? IN_MEMORY : tmpdir(), 'ledger-test-'));
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    return Math.min(bavail * bsize, freemem()) >= ROOM_BYTES;
  } catch {
    return false; // no such folder on this system
  }
}
