import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Measurement, measure } from './measure.ts';

const entry = Buffer.alloc(512, 1);

/**
 * What the disk itself allows: one small write and one fdatasync for every operation, one after another, on the same disk.
 * A store that is faster than this has put several appends under one fsync.
 */
export async function diskBaseline(folder: string, durationMs: number): Promise<Measurement> {
  const file = openSync(join(folder, 'baseline'), 'w');
  try {
    return await measure({
      name: 'write of 512 bytes + fdatasync, no store',
      unit: 'writes',
      inFlight: 1,
      warmUpMs: 200,
      durationMs,
      call: async () => {
        writeSync(file, entry);
        fdatasyncSync(file);
        return 1;
      },
    });
  } finally {
    closeSync(file);
  }
}
