// The keys of another issuer, as it publishes them (RFC 7517). They are read again in the background, so that no request waits for an
// issuer that is slow, and none is refused while it is away for a while.
import type { JWKSCacheInput, JWTVerifyGetKey } from 'jose';
import { createRemoteJWKSet, jwksCache } from 'jose';

export interface ExternalKeysOptions {
  readonly jwksUrl: string;
  /** Told where the keys could not be read again; those that are known go on to be used. */
  readonly onError: (error: unknown) => void;
  /** From when on keys are read again. Nobody is told of a key that its issuer takes back, so: soon. */
  readonly refreshMs?: number;
  /** How long keys are used that cannot be read again. Long enough for an outage, short enough that a stolen key ends. */
  readonly staleMs?: number;
  /** A key id that is not known has them read again, but not more often than this: anybody can name one. */
  readonly unknownKeyMs?: number;
}

const REFRESH_MS = 5 * 60_000;
const STALE_MS = 60 * 60_000;
const UNKNOWN_KEY_MS = 10_000;
/** After a failure the next try waits so long, unless somebody needs the keys. */
const RETRY_MS = 10_000;
/** How long the keys may take to come. */
const TIMEOUT_MS = 5_000;

/** Finds the key that a token names. Rejects with jose's errors where there is none, with the network's where none could be read. */
export function makeExternalKeys({
  jwksUrl,
  onError,
  refreshMs = REFRESH_MS,
  staleMs = STALE_MS,
  unknownKeyMs = UNKNOWN_KEY_MS,
}: ExternalKeysOptions): JWTVerifyGetKey {
  const cache: JWKSCacheInput = {};
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: TIMEOUT_MS,
    cooldownDuration: unknownKeyMs,
    cacheMaxAge: staleMs,
    [jwksCache]: cache,
  });
  let retryAtMs = 0;
  const refreshInBackground = (nowMs: number): void => {
    const readAtMs = 'uat' in cache ? cache.uat : undefined;
    // What was never read, or too long ago, is waited for by whoever needs it.
    if (readAtMs === undefined || nowMs < readAtMs + refreshMs || nowMs < retryAtMs) return;
    retryAtMs = nowMs + Math.min(RETRY_MS, refreshMs);
    keys.reload().catch(onError);
  };
  return (header, token) => {
    refreshInBackground(Date.now());
    return keys(header, token);
  };
}
