// Changing a backup as somebody would who knows the format: every hash fits again.
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../src/audit/backup/manifest.ts';
import { readManifest, sealManifest, textOfManifest } from '../../src/audit/backup/manifest.ts';
import type { CheckpointSigner } from '../../src/audit/chain-checkpoint.ts';

type Content = Parameters<typeof sealManifest>[0];

export interface BackupForgery {
  /** What stands in a file of the backup instead. */
  readonly files?: Readonly<Record<string, (text: string) => string>>;
  /** What the manifest says instead; the hashes of files are put right by themselves. */
  readonly manifest?: (content: Content) => Content;
  /** Absent: the manifest keeps the signature that it had. */
  readonly signer?: CheckpointSigner;
}

/** A copy of the backup with that changed. */
export async function forgeBackup(from: string, to: string, { files = {}, manifest, signer }: BackupForgery): Promise<void> {
  cpSync(from, to, { recursive: true });
  const { sha256: _, kid, signature, ...content } = await readManifest(from);
  const hashes: Record<string, Manifest['files'][string]> = { ...content.files };
  for (const [file, change] of Object.entries(files)) {
    const text = Buffer.from(change(readFileSync(join(from, file), 'utf8')));
    writeFileSync(join(to, file), text);
    hashes[file] = { bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') };
  }
  const changed = { ...content, files: hashes };
  const sealed = sealManifest(manifest === undefined ? changed : manifest(changed), signer ?? { kid, sign: () => signature });
  writeFileSync(join(to, 'manifest.json'), textOfManifest(sealed));
}

/** The lines of a text changed, or left out where nothing is given back. */
export const everyLine =
  (change: (line: string) => string | undefined) =>
  (text: string): string =>
    text
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => change(line) ?? [])
      .map((line) => `${line}\n`)
      .join('');
