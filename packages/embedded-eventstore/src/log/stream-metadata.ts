/** What a stream's `$metadata` says about which of its events can be read. */
export interface StreamMetadata {
  /** Only the newest this many events. */
  readonly maxCount: number | null;
  readonly maxAgeSeconds: number | null;
  /** Events below this revision are hidden. */
  readonly truncateBefore: number;
  /** `$tb` at its largest value: the stream reads as missing until the next append. */
  readonly softDeleted: boolean;
}

export const NO_METADATA: StreamMetadata = { maxCount: null, maxAgeSeconds: null, truncateBefore: 0, softDeleted: false };

/** A metastream keeps its newest event only. */
export const METASTREAM_METADATA: StreamMetadata = { ...NO_METADATA, maxCount: 1 };

/** The metadata a soft delete writes. Not JSON.stringify: the number is beyond what a JavaScript number can say exactly. */
export const SOFT_DELETE_JSON = '{"$tb":9223372036854775807}';

export function metastreamOf(stream: string): string {
  return `$$${stream}`;
}

export function isMetastream(stream: string): boolean {
  return stream.startsWith('$$');
}

export function originalStreamOf(metastream: string): string {
  return metastream.slice(2);
}

/** Reads the keys that hide events. Values that make no sense, and data that is not JSON, count as absent, as in the real server. */
export function parseStreamMetadata(data: Buffer): StreamMetadata {
  const json = parseObject(data);
  if (json === null) return NO_METADATA;
  const truncateBefore = json['$tb'];
  return {
    maxCount: positiveInteger(json['$maxCount']),
    maxAgeSeconds: positiveInteger(json['$maxAge']),
    truncateBefore: positiveInteger(truncateBefore) ?? 0,
    softDeleted: typeof truncateBefore === 'number' && truncateBefore > Number.MAX_SAFE_INTEGER,
  };
}

/** The same metadata with another `$tb`; null when the data is not a JSON object, which then stays as it is. */
export function withTruncateBefore(data: Buffer, truncateBefore: number): Buffer | null {
  const json = parseObject(data);
  return json === null ? null : Buffer.from(JSON.stringify({ ...json, $tb: truncateBefore }));
}

/** The first revision that `$tb` and `$maxCount` leave visible. `$maxAge` hides by time, event by event. */
export function firstVisibleRevision(metadata: StreamMetadata, lastRevision: number): number {
  const byCount = metadata.maxCount === null ? 0 : lastRevision - metadata.maxCount + 1;
  return Math.max(metadata.truncateBefore, byCount, 0);
}

/** The time before which `$maxAge` hides events, in milliseconds since 1970. */
export function oldestVisibleMs({ maxAgeSeconds }: StreamMetadata): number {
  return maxAgeSeconds === null ? 0 : Date.now() - maxAgeSeconds * 1000;
}

function parseObject(data: Buffer): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(data.toString('utf8'));
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : null;
  } catch {
    return null;
  }
}

function positiveInteger(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
