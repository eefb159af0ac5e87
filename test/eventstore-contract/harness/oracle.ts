import type { AppendExpectedRevision } from '@eventstore/db-client';
import type { Revision } from './appenders.ts';

/** What the rules say a call must answer. */
type Verdict =
  | { result: 'written'; revision: Revision }
  | { result: 'wrong-expected-version'; current: Revision }
  | { result: 'stream-deleted' };

export type StreamMetadata = { truncateBefore?: number; maxCount?: number };

export interface Oracle {
  /** The ids written so far; the index is the revision. */
  ids(): readonly string[];
  isSoftDeleted(): boolean;
  isTombstoned(): boolean;
  /** What the last metadata event's revision is; -1 where there is none. */
  metadataRevision(): number;
  /** Whether a read yields the event at this revision. */
  isVisible(revision: number): boolean;
  append(expected: AppendExpectedRevision, ids: string[]): Verdict;
  softDelete(expected: 'any' | 'no_stream' | bigint): Verdict | 'done';
  tombstone(expected: 'any' | 'no_stream' | bigint): Verdict | 'done';
  setMetadata(metadata: StreamMetadata): Verdict;
}

/** The rules of expected revisions, idempotency, truncation and deletion for one stream, in the fewest words. */
export function makeOracle(): Oracle {
  const ids: string[] = [];
  let metadata: StreamMetadata = {};
  let metadataRevision = -1;
  let softDeleted = false;
  let tombstoned = false;

  const current = (): Revision => (ids.length === 0 ? 'no_stream' : BigInt(ids.length - 1));
  const wrong = (): Verdict => ({ result: 'wrong-expected-version', current: current() });
  const deleted: Verdict = { result: 'stream-deleted' };

  /** Whether new events may be written, or what is answered in their stead. */
  function check(expected: AppendExpectedRevision, wanted: string[]): 'write' | Verdict {
    if (tombstoned) return deleted;
    if (expected === 'stream_exists') {
      if (softDeleted) return deleted;
      if (ids.length === 0 && metadataRevision < 0) return wrong();
    }
    if (expected === 'any' || expected === 'stream_exists') {
      const known = wanted.map((id) => ids.indexOf(id));
      if (known[0] === -1) return 'write';
      return known.includes(-1) ? wrong() : { result: 'written', revision: BigInt(known.at(-1) ?? -1) };
    }
    const after = expected === 'no_stream' ? -1 : Number(expected);
    if (after > ids.length - 1) return wrong();
    if (after === ids.length - 1) return 'write';
    const matching = wanted.findIndex((id, index) => ids[after + 1 + index] !== id);
    if (matching === -1) return { result: 'written', revision: BigInt(after + wanted.length) };
    return matching === 0 && expected === 'no_stream' && softDeleted ? 'write' : wrong();
  }

  return {
    ids: () => ids,
    isSoftDeleted: () => softDeleted,
    isTombstoned: () => tombstoned,
    metadataRevision: () => metadataRevision,
    isVisible(revision) {
      if (tombstoned || softDeleted || revision >= ids.length) return false;
      const kept = metadata.maxCount !== undefined && metadata.maxCount > 0 ? metadata.maxCount : ids.length;
      return revision >= ids.length - kept && revision >= (metadata.truncateBefore ?? 0);
    },
    append(expected, wanted) {
      const verdict = check(expected, wanted);
      if (verdict !== 'write') return verdict;
      if (softDeleted) {
        softDeleted = false;
        metadata = { truncateBefore: ids.length };
        metadataRevision++;
      }
      ids.push(...wanted);
      return { result: 'written', revision: BigInt(ids.length - 1) };
    },
    softDelete(expected) {
      const verdict = check(expected, ['a fresh id']);
      if (verdict !== 'write') return verdict;
      if (ids.length === 0 && metadataRevision < 0) return wrong();
      softDeleted = true;
      metadataRevision++;
      return 'done';
    },
    tombstone(expected) {
      const verdict = check(expected, ['a fresh id']);
      if (verdict !== 'write') return verdict;
      tombstoned = true;
      return 'done';
    },
    setMetadata(next) {
      if (tombstoned) return deleted;
      metadata = next;
      metadataRevision++;
      return { result: 'written', revision: BigInt(metadataRevision) };
    },
  };
}
