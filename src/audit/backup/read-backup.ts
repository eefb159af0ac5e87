// A backup read before anything is done with it: every file is as it was written, and the log and the manifest as they were signed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { KeptChainKey } from '../../identity/chain-keys.ts';
import { chainKeysIn } from '../../identity/chain-keys.ts';
import { EMPTY_CHAIN } from '../chain.ts';
import type { CheckpointKeys } from '../chain-checkpoint.ts';
import { keysFrom, signatureFault } from '../chain-checkpoint.ts';
import { checkpointsIn, verifyExport } from '../export-check.ts';
import { lineOfFinding } from '../findings.ts';
import type { Manifest } from './manifest.ts';
import { BackupDamaged, fileOfTable, LOG_FILE, MANIFEST_FILE, readManifest } from './manifest.ts';

export interface Backup {
  readonly directory: string;
  readonly manifest: Manifest;
  /** The chain's, oldest first, as parsed JSON. */
  readonly checkpoints: readonly unknown[];
  /** The chain's, newest first. */
  readonly keys: readonly KeptChainKey[];
}

/**
 * Reads a backup: the log twice, the other files once. Without `trusted`, signatures are held against the keys in the backup itself, which shows
 * accidents; whoever can change the files can change those keys with them.
 * @param trusted public keys of the chain that were kept elsewhere.
 * @throws BackupDamaged naming the first file that is missing, cut off, changed, or not as it was signed.
 */
export async function readBackup(directory: string, trusted?: CheckpointKeys): Promise<Backup> {
  const manifest = await readManifest(directory);
  for (const { name } of manifest.tables) for await (const _ of bytesOf({ directory, manifest }, fileOfTable(name)));
  const checkpoints = await checkpointsIn(
    Readable.from(bytesOf({ directory, manifest }, LOG_FILE), { objectMode: false }).setEncoding('utf8'),
  );

  const keys = await readChainKeys(directory, manifest);
  const publicKeys = trusted ?? keysFrom({ keys: keys.map(({ publicJwk }) => publicJwk) });
  const fault = signatureFault(manifest, publicKeys);
  if (fault !== undefined) throw new BackupDamaged(MANIFEST_FILE, `is not as it was signed: ${fault}`);
  await refuseUnprovenLog(directory, manifest, checkpoints, publicKeys);
  return { directory, manifest, checkpoints, keys };
}

/** What a file of the backup holds, as it is read. @throws BackupDamaged, at the latest at its end, where it is not what the manifest says */
export async function* bytesOf(
  { directory, manifest: { files } }: Pick<Backup, 'directory' | 'manifest'>,
  file: string,
): AsyncGenerator<Buffer, void, undefined> {
  const expected = files[file];
  if (expected === undefined) throw new BackupDamaged(MANIFEST_FILE, `does not name ${file}`);
  const sum = createHash('sha256');
  let bytes = 0;
  const source = createReadStream(join(directory, file));
  try {
    for await (const chunk of source) {
      sum.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (source.errored === null) throw error;
    throw new BackupDamaged(file, 'is missing or cannot be read');
  }
  if (bytes !== expected.bytes) throw new BackupDamaged(file, `has ${bytes} bytes instead of ${expected.bytes}`);
  const sha256 = sum.digest('hex');
  if (sha256 !== expected.sha256) throw new BackupDamaged(file, `was changed: its SHA-256 is ${sha256} instead of ${expected.sha256}`);
}

async function readChainKeys(directory: string, { tables }: Manifest): Promise<readonly KeptChainKey[]> {
  const file = fileOfTable('chain_keys');
  const columns = tables.find(({ name }) => name === 'chain_keys')?.columns ?? [];
  const text = await readFile(join(directory, file), 'utf8');
  try {
    const keys = chainKeysIn(text, columns);
    if (keys.length > 0) return keys;
  } catch {
    // it holds something else
  }
  throw new BackupDamaged(file, 'has no keys of the chain');
}

async function refuseUnprovenLog(
  directory: string,
  { log }: Manifest,
  checkpoints: readonly unknown[],
  keys: CheckpointKeys,
): Promise<void> {
  const { findings, events, provenBy } = await verifyExport(join(directory, LOG_FILE), { keys, checkpoints });
  const [first, ...others] = findings.map(lineOfFinding);
  const more = others.length === 0 ? '' : ` (and ${others.length} more; see \`ledger chain verify ${LOG_FILE} --key FILE\`)`;
  if (first !== undefined) throw new BackupDamaged(LOG_FILE, `is not as it was signed: ${first}${more}`);
  const last = provenBy ?? { events: '0', position: null, eventId: null, hash: EMPTY_CHAIN.hash };
  const isEnd = last.position === log.lastPosition && last.eventId === log.lastEventId && last.hash === log.hash;
  if (!isEnd || log.events !== last.events || log.events !== `${events}`)
    throw new BackupDamaged(
      LOG_FILE,
      `is signed up to position ${last.position ?? 'none'} with ${events} events, and the manifest says ${log.lastPosition ?? 'none'} with ${log.events}`,
    );
}
