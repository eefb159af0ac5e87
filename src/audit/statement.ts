// What an account was at in one asset, what came and went, and what it came to: out of the journal, whole, however long it is.
import { formatMinor, parseDecimal } from '../domain/amounts.ts';
import type { Asset } from '../domain/assets.ts';
import type { EventType } from '../domain/events.ts';
import type { AccountId } from '../domain/ids.ts';
import { timeMs } from '../domain/time.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { TimeAxis } from '../projections/balances.ts';
import { balancesAt } from '../projections/balances.ts';
import { readCheckpoint } from '../projections/checkpoint.ts';
import { MAX_PAGE_LIMIT } from '../projections/page.ts';
import type { Entry, EntryFilter } from '../projections/postings.ts';
import { listEntries } from '../projections/postings.ts';
import { ENTRY_NAMES } from './words.ts';

export interface StatementRequest {
  readonly accountId: AccountId;
  readonly asset: Pick<Asset, 'code' | 'scale'>;
  /** RFC 3339: of this time or later, and of a time before this. Without them, from the beginning and to the end. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The time that bounds and orders it: when entries were recorded, or from when they count. */
  readonly by: TimeAxis;
}

/** A balance on a statement: decimal strings at the asset's scale, `total` being both buckets together. */
export interface StatementBalance {
  readonly total: string;
  readonly held: string;
}

/** An entry: `amount` is what it changed in the total, signed; what only moved between available and held changed nothing in it. */
export interface StatementLine {
  readonly recordedAt: string;
  /** The date from which it counts, where it was dated back. */
  readonly effectiveAt: string | null;
  readonly type: EventType;
  /** The same in words. */
  readonly what: string;
  readonly reference: string | null;
  readonly externalId: string | null;
  readonly entryId: string;
  readonly position: bigint;
  readonly amount: string;
  /** After it, on this statement. */
  readonly balance: StatementBalance;
}

export interface StatementHead extends StatementRequest {
  /** What stands on it is everything up to here in the log. */
  readonly position: bigint;
  readonly opening: StatementBalance;
}

export interface StatementFoot {
  readonly closing: StatementBalance;
  /** The sums of what came in and of what went out, both without a sign: opening + in − out = closing. */
  readonly totals: { readonly in: string; readonly out: string };
}

/** A way of writing a statement down as text. */
export interface StatementFormat {
  readonly head: (head: StatementHead) => string;
  readonly line: (line: StatementLine, isFirst: boolean) => string;
  readonly foot: (head: StatementHead, foot: StatementFoot) => string;
}

/** The statement's beginning, as of what is projected now. */
export async function openStatement(db: LedgerDb, request: StatementRequest): Promise<StatementHead> {
  const { position } = await readCheckpoint(db);
  const before = request.from === undefined ? undefined : justBefore(request.from);
  const balances = before === undefined ? [] : await balancesAt(db, request.accountId, { at: before, by: request.by });
  const zero = formatMinor(0n, request.asset.scale);
  const { total, held } = balances.find(({ asset }) => asset === request.asset.code) ?? { total: zero, held: zero };
  return { ...request, position: position < 0n ? 0n : position, opening: { total, held } };
}

/**
 * The statement as text, in some hundreds of lines at a time: memory is flat. What is recorded while it is written does not
 * come into it, so that it adds up.
 */
export async function* writeStatement(db: LedgerDb, head: StatementHead, format: StatementFormat): AsyncGenerator<string, void, undefined> {
  const { scale } = head.asset;
  const shown = (minor: bigint): string => formatMinor(minor, scale);
  let totalMinor = parseDecimal(head.opening.total).minor;
  let heldMinor = parseDecimal(head.opening.held).minor;
  let inMinor = 0n;
  let outMinor = 0n;
  const after = (): StatementBalance => ({ total: shown(totalMinor), held: shown(heldMinor) });
  const lineOf = (entry: Entry): StatementLine => {
    const heldChange = parseDecimal(entry.held).minor;
    const change = parseDecimal(entry.available).minor + heldChange;
    totalMinor += change;
    heldMinor += heldChange;
    if (change > 0n) inMinor += change;
    else outMinor -= change;
    const { recordedAt, effectiveAt = null, type, reference = null, externalId = null, entryId, position } = entry;
    const what = ENTRY_NAMES[type] ?? type;
    return { recordedAt, effectiveAt, type, what, reference, externalId, entryId, position, amount: shown(change), balance: after() };
  };
  yield format.head(head);
  let isFirst = true;
  for await (const entries of entriesOn(db, head)) {
    let text = '';
    for (const entry of entries) {
      text += format.line(lineOf(entry), isFirst);
      isFirst = false;
    }
    yield text;
  }
  yield format.foot(head, { closing: after(), totals: { in: shown(inMinor), out: shown(outMinor) } });
}

async function* entriesOn(db: LedgerDb, { accountId, asset, from, to, by, position }: StatementHead): AsyncGenerator<readonly Entry[]> {
  const filter: EntryFilter = { accountId, asset: asset.code, from, to, by, order: 'oldest-first' };
  let cursor: string | undefined;
  do {
    const page = await listEntries(db, filter, { limit: MAX_PAGE_LIMIT, cursor });
    yield page.data.filter((entry) => entry.position <= position);
    // By system time nothing older follows on something newer. By effective time something may.
    const isBeyond = by === 'system' && page.data.some((entry) => entry.position > position);
    cursor = page.hasMore && !isBeyond ? page.next : undefined;
  } while (cursor !== undefined);
}

/** The last of the ledger's times, which are whole milliseconds, before that time; undefined where there can be none. */
function justBefore(time: string): string | undefined {
  const [, finer = ''] = /\.\d{3}(\d*)Z$/.exec(time) ?? [];
  const before = new Date(timeMs(time) - (/[1-9]/.test(finer) ? 0 : 1)).toISOString();
  return before.startsWith('0000') ? undefined : before;
}
