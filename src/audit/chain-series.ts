// Checkpoints taken by themselves, without the log: is each signed, does each follow on the one before, and which still hold.
import type { Checkpoint, CheckpointKeys } from './chain-checkpoint.ts';
import { CheckpointSchema, hashOfCheckpoint, signatureFault } from './chain-checkpoint.ts';
import type { Finding } from './findings.ts';

export interface CheckpointSeries {
  /** Those that are signed, oldest first. Those that do not stand were given up by a later one, since the log was restored from an older copy. */
  readonly members: readonly { readonly checkpoint: Checkpoint; readonly stands: boolean }[];
  /** Those of them that the log must bear out. */
  readonly standing: readonly Checkpoint[];
  readonly findings: readonly Finding[];
}

/** Reads checkpoints, oldest first. One whose signature does not hold proves nothing and is left out. */
export function readSeries(rows: readonly unknown[], keys: CheckpointKeys): CheckpointSeries {
  const findings: Finding[] = [];
  const members: { readonly checkpoint: Checkpoint; readonly hash: string; stands: boolean }[] = [];
  for (const [index, row] of rows.entries()) {
    const number = index + 1;
    const { data: checkpoint, error } = CheckpointSchema.safeParse(row);
    const fault = error ? 'it is no checkpoint of this format' : signatureFault(checkpoint, keys);
    if (error || fault !== undefined) {
      findings.push({ kind: 'checkpoint_forged', detail: `Checkpoint ${number}: ${fault}.` });
      continue;
    }
    const previous = members.at(-1)?.hash ?? null;
    if (checkpoint.previous !== previous)
      findings.push({
        kind: 'checkpoint_missing',
        detail: `Checkpoint ${number}, signed at ${checkpoint.signedAt}, does not follow on the one before it: one was taken out, put in or changed there.`,
        expected: checkpoint.previous ?? 'no checkpoint before it',
        found: previous ?? 'no checkpoint before it',
      });
    const { abandons } = checkpoint;
    if (abandons !== undefined) {
      const last = members.findIndex(({ hash }) => hash === abandons.after);
      for (const member of members.slice(last + 1)) member.stands = false;
    }
    members.push({ checkpoint, hash: hashOfCheckpoint(checkpoint), stands: true });
  }
  return { members, standing: members.flatMap(({ checkpoint, stands }) => (stands ? [checkpoint] : [])), findings };
}

/**
 * The series, and with it checkpoints that somebody took away and kept: the log must bear them out as well, whatever became of those
 * that the ledger keeps.
 */
export function withKept(series: CheckpointSeries, kept: readonly unknown[], keys: CheckpointKeys): CheckpointSeries {
  const known = new Set(series.standing.map(hashOfCheckpoint));
  const standing = [...series.standing];
  const findings = [...series.findings];
  for (const row of kept) {
    const { data: checkpoint, error } = CheckpointSchema.safeParse(row);
    const fault = error ? 'it is no checkpoint of this format' : signatureFault(checkpoint, keys);
    if (error || fault !== undefined)
      findings.push({ kind: 'checkpoint_forged', detail: `A checkpoint that was kept elsewhere: ${fault}.` });
    else if (!known.has(hashOfCheckpoint(checkpoint))) standing.push(checkpoint);
  }
  return { ...series, standing, findings };
}
