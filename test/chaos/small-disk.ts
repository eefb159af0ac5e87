// A disk that can be filled: a file system of its own, in memory. Only root may mount one.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, statfsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly folder: string;
  /** False where this system lets nobody mount a file system: then it is a folder like any other, and cannot be filled. */
  readonly isFillable: boolean;
  /** Takes all the room there is. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  close(): Promise<void>;
}

export async function mountSmallDisk(sizeMb: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-chaos-'));
  const isFillable = mount(folder, sizeMb);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    isFillable,
    fill() {
      // Others take room meanwhile, so at the first try there may be less than there was.
      for (let tries = 0; tries < 20; tries += 1) {
        const { bavail, bsize } = statfsSync(folder);
        if (bavail === 0) return;
        try {
          execFileSync('fallocate', ['--offset', String(sizeOfBallast(ballast)), '--length', String(bavail * bsize), ballast], {
            stdio: 'ignore',
          });
        } catch {
          // Looked at again above.
        }
      }
    },
    free: () => rmSync(ballast, { force: true }),
    async close() {
      if (isFillable) execFileSync('umount', ['--lazy', folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function mount(folder: string, sizeMb: number): boolean {
  try {
    // Passable for the user whom Postgres runs as.
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=711`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const sizeOfBallast = (file: string): number => (existsSync(file) ? statSync(file).size : 0);
