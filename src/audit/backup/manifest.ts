// What a backup says of itself, signed: how far the log goes, which rows there are, and a hash of every file, this one among them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TABLES_AFTER_LOG, TABLES_BEFORE_LOG } from '../../identity/kept-tables.ts';
import { canonicalJson } from '../canonical-json.ts';
import { sha256 } from '../chain.ts';
import type { CheckpointSigner } from '../chain-checkpoint.ts';
import { signed, WholeNumber } from '../chain-checkpoint.ts';
import { DigestSchema } from './durable-files.ts';

export const BACKUP_FORMAT = 'ledgerfold-backup/1';
export const MANIFEST_FILE = 'manifest.json';
export const LOG_FILE = 'log.jsonl';
export const fileOfTable = (table: string): string => `${table}.tsv`;

/** What no log brings back. */
const TABLES = [...TABLES_BEFORE_LOG, ...TABLES_AFTER_LOG].map(({ name }) => name);

const Name = z.string().regex(/^[a-z_]+$/);

const ContentSchema = z.strictObject({
  format: z.literal(BACKUP_FORMAT),
  /** That took it. */
  release: z.string(),
  takenAt: z.iso.datetime(),
  /** Everything up to the last position is in it, and was on the event store's disk when the backup was taken. */
  log: z.strictObject({
    events: WholeNumber,
    /** Null for a log without events. */
    firstPosition: WholeNumber.nullable(),
    lastPosition: WholeNumber.nullable(),
    lastEventId: z.string().nullable(),
    /** Of the chain, at the last event. */
    hash: z.string(),
  }),
  /** What was made of the identity tables, oldest first. */
  migrations: z.array(z.string()),
  tables: z.array(z.strictObject({ name: Name, columns: z.array(Name), rows: z.int().min(0) })),
  /** Of every other file, by its name. */
  files: z.record(z.string().regex(/^[a-z_]+\.(jsonl|tsv)$/), DigestSchema),
});
type Content = z.infer<typeof ContentSchema>;
/** The signature is over all the rest, by the key that signed the log's last checkpoint. */
const ManifestSchema = ContentSchema.extend({ sha256: z.string(), kid: z.string(), signature: z.string() });
export type Manifest = Readonly<z.infer<typeof ManifestSchema>>;

/** A file of a backup is not as it was written. */
export class BackupDamaged extends Error {
  override readonly name = 'BackupDamaged';
  constructor(file: string, what: string) {
    super(`the backup is damaged: ${file} ${what}`);
  }
}

/** @returns the manifest with its own hash, and signed. */
export const sealManifest = (content: Content, signer: CheckpointSigner): Manifest =>
  signed(signer, { ...content, sha256: hashOf(content) });

const hashOf = (content: Content): string => sha256(canonicalJson(content));

/** The manifest as it stands in its file. */
export const textOfManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

/**
 * Reads a backup's manifest. Whose signature it has is not looked at here.
 * @throws BackupDamaged where it is missing, cut off or changed, or does not name just the files and tables that a backup has.
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const text = await readFile(join(directory, MANIFEST_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) throw new BackupDamaged(MANIFEST_FILE, 'is missing or cannot be read');
  const manifest = parsed(text);
  // Byte by byte: what is not hashed, a blank or the order of members, is not to be different either.
  if (manifest === undefined || textOfManifest(manifest) !== text || hashOf(contentOf(manifest)) !== manifest.sha256)
    throw new BackupDamaged(MANIFEST_FILE, 'is not as it was written, or of a release that writes it otherwise');
  const tables = manifest.tables.map(({ name }) => name);
  if (!isSame(tables, TABLES))
    throw new BackupDamaged(MANIFEST_FILE, `names the tables ${tables.join(', ')} instead of ${TABLES.join(', ')}`);
  const [files, expected] = [Object.keys(manifest.files), [LOG_FILE, ...TABLES.map(fileOfTable)]];
  if (!isSame(files, expected))
    throw new BackupDamaged(MANIFEST_FILE, `names the files ${files.join(', ')} instead of ${expected.join(', ')}`);
  return manifest;
}

const isSame = (found: readonly string[], expected: readonly string[]): boolean => `${found.toSorted()}` === `${expected.toSorted()}`;

function contentOf({ sha256: _, kid: __, signature: ___, ...content }: Manifest): Content {
  return content;
}

function parsed(text: string): Manifest | undefined {
  try {
    return ManifestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
