// Token buckets: so much a second, and somewhat more at once. In memory, and no more of them than are asked for.
import { LRUCache } from 'lru-cache';

export interface TokenBucketOptions {
  readonly perSecond: number;
  /** What a bucket holds that was left alone: so much may be taken at once. */
  readonly burst: number;
  /** Most buckets that are kept. Beyond it the one that was not looked at for longest is forgotten, and full again. */
  readonly maxKeys: number;
  /** Seconds of a clock that never goes back. */
  readonly nowS?: () => number;
}

export interface TokenBuckets {
  /** Whole seconds until that key's bucket has a token again; undefined where it has one. */
  waitS(key: string): number | undefined;
  /** Takes tokens, also those that are not there yet: they are owed, and what comes next waits until they are paid. */
  charge(key: string, tokens: number): void;
}

interface Bucket {
  tokens: number;
  atS: number;
}

const MS_PER_S = 1000;
const monotonicS = (): number => performance.now() / MS_PER_S;

export function makeTokenBuckets({ perSecond, burst, maxKeys, nowS = monotonicS }: TokenBucketOptions): TokenBuckets {
  const buckets = new LRUCache<string, Bucket>({ max: maxKeys });
  /** The key's bucket, filled up to this moment; a full one need not be kept. */
  const filled = (key: string): Bucket => {
    const now = nowS();
    const bucket = buckets.get(key) ?? { tokens: burst, atS: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.atS) * perSecond);
    bucket.atS = now;
    return bucket;
  };
  return {
    waitS(key) {
      const { tokens } = filled(key);
      return tokens >= 1 ? undefined : Math.ceil((1 - tokens) / perSecond);
    },
    charge(key, tokens) {
      const bucket = filled(key);
      bucket.tokens -= tokens;
      buckets.set(key, bucket);
    },
  };
}
