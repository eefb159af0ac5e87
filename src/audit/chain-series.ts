// Checkpoints taken by themselves, without the log: is each signed, does each follow on the one before, and which still hold.
import type { Checkpoint, CheckpointKeys } from './chain-checkpoint.ts';
import { CheckpointSchema, hashOfCheckpoint, signatureFault } from './chain-checkpoint.ts';
import type { Finding } from './findings.ts';

export interface CheckpointSeries {
  /** Those that are signed and not abandoned, oldest first: what the log must bear out. */
  readonly standing: readonly Checkpoint[];
  /** How many were given up by a later one, since the log was restored from an older copy. */
  readonly abandoned: number;
  readonly findings: readonly Finding[];
}

interface Kept {
  readonly checkpoint: Checkpoint;
  readonly hash: string;
}

const finding = (number: number, detail: string): Finding => ({ kind: 'checkpoint_forged', detail: `Checkpoint ${number}: ${detail}` });

/** Reads checkpoints, oldest first. One whose signature does not hold proves nothing and is left out. */
export function readSeries(rows: readonly unknown[], keys: CheckpointKeys): CheckpointSeries {
  const findings: Finding[] = [];
  let kept: readonly Kept[] = [];
  let abandoned = 0;
  let previous: string | null = null;
  for (const [index, row] of rows.entries()) {
    const number = index + 1;
    const { data: checkpoint, error } = CheckpointSchema.safeParse(row);
    if (error) {
      findings.push(finding(number, 'it is no checkpoint of this format.'));
      continue;
    }
    const fault = signatureFault(checkpoint, keys);
    if (fault !== undefined) {
      findings.push(finding(number, `${fault}.`));
      continue;
    }
    if (checkpoint.previous !== previous)
      findings.push({
        kind: 'checkpoint_missing',
        detail: `Checkpoint ${number}, signed ${checkpoint.signedAt}, does not follow on the one before it: one was taken out, put in or changed there.`,
        expected: checkpoint.previous ?? 'no checkpoint before it',
        found: previous ?? 'no checkpoint before it',
      });
    const { abandons } = checkpoint;
    const hash = hashOfCheckpoint(checkpoint);
    if (abandons !== undefined) {
      const last = kept.findIndex((one) => one.hash === abandons.after);
      abandoned += kept.length - (last + 1);
      kept = kept.slice(0, last + 1);
    }
    kept = [...kept, { checkpoint, hash }];
    previous = hash;
  }
  return { standing: kept.map(({ checkpoint }) => checkpoint), abandoned, findings };
}
