// What an auditor brings along: the public keys, and a checkpoint from an earlier visit.
import { readFileSync } from 'node:fs';
import { keysFrom } from '../audit/chain-checkpoint.ts';
import type { Trusted } from '../audit/chain-ledger.ts';

/** A file that was named is not what it is to be: there are no keys in it, or no checkpoints. */
export class NotTrustworthy extends Error {
  override readonly name = 'NotTrustworthy';
}

export const KEY_OPTION = ['--key <file>', 'trust the public keys in this file (`ledger chain key`), and no others'] as const;
export const CHECKPOINT_OPTION = [
  '--checkpoint <file>',
  'hold the log against the checkpoints in this file, too, which were kept elsewhere (`ledger chain sign`), a line each',
] as const;

export interface TrustOptions {
  readonly key?: string;
  readonly checkpoint?: string;
}

/** @throws NotTrustworthy */
export const trustedBy = ({ key, checkpoint }: TrustOptions): Trusted => ({
  ...(key !== undefined && { keys: inFile(key, 'public keys', (text) => keysFrom(JSON.parse(text))) }),
  ...(checkpoint !== undefined && { kept: inFile(checkpoint, 'checkpoints', checkpointsIn) }),
});

function checkpointsIn(text: string): readonly unknown[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new Error('it is empty');
  return lines.map((line): unknown => JSON.parse(line));
}

function inFile<Content>(file: string, what: string, parse: (text: string) => Content): Content {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new NotTrustworthy(`${file} holds no ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
