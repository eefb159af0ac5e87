import fs from 'node:fs';

/** Makes what was written to a file durable. Rejects when the disk fails: what it holds is then unknown. */
export type DiskSync = () => Promise<void>;

/** A disk that syncs within this time may keep the event loop. */
export const MAX_BLOCKING_MS = 2;

/** One long sync may be another process in the way; so many in a row are the disk. */
const SLOW_IN_A_ROW = 5;
/** How many syncs a slow disk is given off the event loop before it is tried on it again. */
const SYNCS_OFF_LOOP = 1000;

/**
 * Syncs on the event loop while the disk is fast, and on another thread while it is slow: a disk that takes long must not hold up
 * the readers. On one that syncs in 0.2 ms the way to another thread and back costs more than the sync: 46 µs of CPU an append
 * against 40 (64 in flight), and the more time the busier the processors are.
 */
export function createDiskSync(file: number, maxBlockingMs: number): DiskSync {
  let slowInARow = 0;
  let offLoop = 0;

  function syncOnLoop(): void {
    const start = performance.now();
    fs.fdatasyncSync(file);
    slowInARow = performance.now() - start > maxBlockingMs ? slowInARow + 1 : 0;
    if (slowInARow < SLOW_IN_A_ROW) return;
    slowInARow = 0;
    offLoop = SYNCS_OFF_LOOP;
  }

  return async () => {
    if (offLoop === 0) return syncOnLoop();
    offLoop--;
    await new Promise<void>((resolve, reject) => fs.fdatasync(file, (error) => (error === null ? resolve() : reject(error))));
  };
}
