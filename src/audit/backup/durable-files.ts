// Files that are on the disk once they are said to be written, and what tells them from others.
import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

/** What a file holds, in short. */
export const DigestSchema = z.strictObject({ bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
export type Digest = Readonly<z.infer<typeof DigestSchema>>;

type Chunks = AsyncIterable<string | Buffer> | Iterable<string | Buffer>;

const NEW_LINE = 0x0a;
/** Small texts are put together before they are written. */
const WRITE_BYTES = 1 << 18;

/**
 * Writes a new file, readable by its owner only, and waits until it is on the disk.
 * @returns with how many lines it has.
 * @throws the file system's error, also where there is such a file already.
 */
export async function writeDurably(file: string, chunks: Chunks): Promise<Digest & { readonly lines: number }> {
  const handle = await open(file, 'wx', 0o600);
  try {
    const sum = createHash('sha256');
    let [bytes, lines] = [0, 0];
    let waiting: Buffer[] = [];
    let waitingBytes = 0;
    const flush = async (): Promise<void> => {
      const all = Buffer.concat(waiting);
      [waiting, waitingBytes] = [[], 0];
      sum.update(all);
      bytes += all.length;
      for (let at = all.indexOf(NEW_LINE); at !== -1; at = all.indexOf(NEW_LINE, at + 1)) lines += 1;
      await handle.writeFile(all);
    };
    for await (const chunk of chunks) {
      const buffer = Buffer.from(chunk);
      waiting.push(buffer);
      waitingBytes += buffer.length;
      if (waitingBytes >= WRITE_BYTES) await flush();
    }
    await flush();
    await handle.sync();
    return { bytes, sha256: sum.digest('hex'), lines };
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder for its owner only, with those above it that are missing, and waits until their names are on the disk.
 * @returns false where it was there already.
 */
export async function makeFolder(folder: string): Promise<boolean> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return false;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
  return true;
}

/** Waits until the names in a folder are on the disk: a new file's name must survive a power loss, too. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
