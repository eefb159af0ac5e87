// What a backup says of itself: how far the log goes, which rows there are, and a hash of every file, this one among them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { sha256 } from '../chain.ts';
import { DigestSchema, digestOf } from './durable-files.ts';

export const BACKUP_FORMAT = 'ledgerfold-backup/1';
export const MANIFEST_FILE = 'manifest.json';
export const LOG_FILE = 'log.jsonl';
export const fileOfTable = (table: string): string => `${table}.tsv`;

const WholeNumber = z.string().regex(/^(0|[1-9][0-9]{0,18})$/);
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
const ManifestSchema = ContentSchema.extend({ sha256: z.string() });
export type Manifest = Readonly<z.infer<typeof ManifestSchema>>;

/** A file of a backup is not as it was written. */
export class BackupDamaged extends Error {
  override readonly name = 'BackupDamaged';
  constructor(file: string, what: string) {
    super(`the backup is damaged: ${file} ${what}; nothing was restored`);
  }
}

/** @returns the manifest with its own hash. */
export const sealManifest = (content: Content): Manifest => ({ ...content, sha256: sha256(canonicalJson(content)) });

/** The manifest as it stands in its file. */
export const textOfManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

/**
 * Reads a backup's manifest, and every file of the backup once, to its end.
 * @throws BackupDamaged naming the first file that is missing, cut off or changed.
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const text = await readFile(join(directory, MANIFEST_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) throw new BackupDamaged(MANIFEST_FILE, 'is missing or cannot be read');
  const manifest = parsed(text);
  // Byte by byte: what is not hashed, a blank or the order of members, is not to be different either.
  if (manifest === undefined || textOfManifest(manifest) !== text || sealManifest(contentOf(manifest)).sha256 !== manifest.sha256)
    throw new BackupDamaged(MANIFEST_FILE, 'is not as it was written, or of a release that writes it otherwise');
  for (const [file, { bytes, sha256: hash }] of Object.entries(manifest.files)) {
    const found = await digestOf(join(directory, file)).catch(() => undefined);
    if (found === undefined) throw new BackupDamaged(file, 'is missing or cannot be read');
    if (found.bytes !== bytes) throw new BackupDamaged(file, `has ${found.bytes} bytes instead of ${bytes}`);
    if (found.sha256 !== hash) throw new BackupDamaged(file, `was changed: its SHA-256 is ${found.sha256} instead of ${hash}`);
  }
  return manifest;
}

function contentOf({ sha256: _, ...content }: Manifest): Content {
  return content;
}

function parsed(text: string): Manifest | undefined {
  try {
    return ManifestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
