// Pages of a list: by key, never by offset, so a page costs the same however deep it lies and nothing is shown twice or
// left out while the list grows. A cursor names the row at a page's edge and the way to go from it.
import { z } from 'zod';
import { TimestampSchema } from '../domain/commands.ts';
import { InvalidCursor } from './errors.ts';

export const MAX_PAGE_LIMIT = 200;

export interface PageRequest {
  /** From 1 to 200. */
  readonly limit: number;
  /** `next` or `previous` of another page of the same list. */
  readonly cursor?: string | undefined;
}
export interface Page<Row> {
  readonly data: readonly Row[];
  /** The cursor of the page after this one; there may be rows there later even when `hasMore` is false now. Absent on an empty list. */
  readonly next?: string;
  /** The cursor of the page before this one; absent where this is known to be the first. */
  readonly previous?: string;
  /** Whether there are rows after this page now. */
  readonly hasMore: boolean;
}

/** What a list has to fetch for a page: at most `limit` rows beyond `key`, walking the list in its own order or backwards. */
export interface Slice {
  readonly walk: 'forwards' | 'backwards';
  /** The key columns of the row at the edge, as text; undefined: from the list's beginning. */
  readonly beyond: readonly string[] | undefined;
  readonly limit: number;
}

/** What a part of a key looks like. Cursors come back from clients: what Postgres could not read must not get that far. */
export interface KeyPart {
  test(text: string): boolean;
}
const LARGEST_BIGINT = 2n ** 63n - 1n;
/** A position in the log. */
export const POSITION: KeyPart = { test: (text) => /^[0-9]{1,19}$/.test(text) && BigInt(text) <= LARGEST_BIGINT };
/** A time as the tables give it out. */
export const TIME: KeyPart = { test: (text) => TimestampSchema.safeParse(text).success };

const CursorSchema = z.tuple([z.enum(['n', 'p']), z.array(z.string())]);

const writeCursor = (way: 'n' | 'p', key: readonly string[]): string => Buffer.from(JSON.stringify([way, key])).toString('base64url');

function readCursor(cursor: string): z.infer<typeof CursorSchema> {
  try {
    return CursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new InvalidCursor();
  }
}

/** Checks the parts of a key that came back in a cursor: each must match. @throws InvalidCursor */
export function checkKey(key: readonly string[], patterns: readonly KeyPart[]): void {
  if (key.length !== patterns.length || patterns.some((pattern, index) => !pattern.test(key[index] ?? ''))) throw new InvalidCursor();
}

/**
 * A page of a list. `fetch` gives the rows of a slice in the order in which it walks; `keyOf` names a row by its key columns;
 * `patterns` say what those look like. @throws InvalidCursor
 */
export async function paginate<Row>(
  request: PageRequest,
  patterns: readonly KeyPart[],
  keyOf: (row: Row) => readonly string[],
  fetch: (slice: Slice) => Promise<readonly Row[]>,
): Promise<Page<Row>> {
  const limit = Math.max(1, Math.min(Math.trunc(request.limit), MAX_PAGE_LIMIT));
  const [way, beyond] = request.cursor === undefined ? (['n', undefined] as const) : readCursor(request.cursor);
  if (beyond !== undefined) checkKey(beyond, patterns);
  const walk = way === 'n' ? 'forwards' : 'backwards';
  const found = await fetch({ walk, beyond, limit: limit + 1 }); // one more tells whether the list goes on
  const kept = found.slice(0, limit);
  const data = walk === 'forwards' ? kept : kept.toReversed();
  const goesOn = found.length > limit;
  const first = data.at(0);
  const last = data.at(-1);
  const isFirstPage = walk === 'forwards' ? beyond === undefined : !goesOn;
  const firstKey = first === undefined ? beyond : keyOf(first);
  const lastKey = last === undefined ? beyond : keyOf(last);
  return {
    data,
    ...(lastKey !== undefined && { next: writeCursor('n', lastKey) }),
    ...(firstKey !== undefined && !isFirstPage && { previous: writeCursor('p', firstKey) }),
    hasMore: walk === 'forwards' ? goesOn : true,
  };
}
