import fs from 'node:fs';

/**
 * Tells whether a write-ahead log holds synced commits that SQLite would drop without a word. SQLite reads a log up to the
 * first frame that does not fit its checksum: right after a power loss, which can tear the one commit that was being synced,
 * but after damage it forgets every commit behind it. One whole commit behind a misfit may be the torn one; two cannot, because
 * a commit is only begun when the one before it is on the disk.
 *
 * A frame's checksum continues that of the frame before it, so frames behind a misfit can still be verified one by one. What
 * a full disk left of refused commits is never whole.
 *
 * Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 *
 * @returns what is wrong, or null.
 */
export function findLostCommits(walFile: string): string | null {
  const wal = readIfPresent(walFile);
  if (wal === null || wal.length <= HEADER_BYTES + FRAME_HEADER_BYTES) return null;
  const words = wal.readUInt32BE(0) === MAGIC_BIG_ENDIAN ? readBigEndian : readLittleEndian;
  if (!matches(wal, 24, checksum(wal, 0, 24, [0, 0], words))) return 'the header of the write-ahead log is damaged';
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(8);
  let before: Sum = [wal.readUInt32BE(24), wal.readUInt32BE(28)];
  let misfit = false;
  let commitsBehind = 0;
  for (let offset = HEADER_BYTES; offset + frameBytes <= wal.length; offset += frameBytes) {
    const afterHeader = checksum(wal, offset, 8, before, words);
    const sum = checksum(wal, offset + FRAME_HEADER_BYTES, frameBytes - FRAME_HEADER_BYTES, afterHeader, words);
    const whole = ofThisLog(wal, offset) && matches(wal, offset + 16, sum);
    const commits = wal.readUInt32BE(offset + 4) !== 0;
    if (!whole) misfit = true;
    else if (misfit && commits) commitsBehind++;
    before = [wal.readUInt32BE(offset + 16), wal.readUInt32BE(offset + 20)];
  }
  return commitsBehind > 1 ? `the write-ahead log is damaged: ${commitsBehind} commits cannot be read` : null;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC_BIG_ENDIAN = 0x377f0683;

type Sum = readonly [number, number];
type ReadWord = (bytes: Buffer, offset: number) => number;

const readBigEndian: ReadWord = (bytes, offset) => bytes.readUInt32BE(offset);
const readLittleEndian: ReadWord = (bytes, offset) => bytes.readUInt32LE(offset);

/** Frames of an earlier log, which a shorter one has not yet overwritten, carry other salts. */
function ofThisLog(wal: Buffer, frame: number): boolean {
  return wal.readUInt32BE(frame + 8) === wal.readUInt32BE(16) && wal.readUInt32BE(frame + 12) === wal.readUInt32BE(20);
}

function checksum(bytes: Buffer, start: number, length: number, [first, second]: Sum, word: ReadWord): Sum {
  let a = first;
  let b = second;
  for (let offset = start; offset < start + length; offset += 8) {
    a = (a + word(bytes, offset) + b) >>> 0;
    b = (b + word(bytes, offset + 4) + a) >>> 0;
  }
  return [a, b];
}

function matches(bytes: Buffer, offset: number, [a, b]: Sum): boolean {
  return bytes.readUInt32BE(offset) === a && bytes.readUInt32BE(offset + 4) === b;
}

function readIfPresent(file: string): Buffer | null {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
