import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const fileOf = (dataDir: string): string => join(resolve(dataDir), 'key-secret');

/**
 * The secret that seals this data folder's signing keys, for a ledger that is given none: made once, in `key-secret`
 * (mode 0600). Safe to call from several processes at a time: all get the same.
 */
export function keySecretOf(dataDir: string): string {
  const folder = resolve(dataDir);
  const file = fileOf(folder);
  const kept = keptKeySecretOf(folder);
  if (kept !== undefined) return kept;
  // An embedded Postgres may run as another user and must be able to pass through this folder.
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  // Whole or not at all, and never over one that is there: a link is made in one step, and fails where the name is taken.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return keptKeySecretOf(folder) ?? keySecretOf(dataDir);
}

/** The secret that the data folder has; undefined where none was made yet. */
export function keptKeySecretOf(dataDir: string): string | undefined {
  try {
    return readFileSync(fileOf(dataDir), 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
