// The tables of what was backdated, from which a balance by effective time is worked out at the same cost however many there are.
//
// Such a balance at T is the balance by system time, less what was backdated and taken down by T, plus what was backdated to T or
// before, whenever it was taken down. The first sum runs along the log: `backdated` has it after each such entry. The second runs
// along effective time, into which new entries fall anywhere: `backdated_spans` has the sums of spans of 1 ms, of 64 of these, of
// 64 of those, and so on. An entry changes one span of each level; a sum up to T adds up fewer than 64 spans of each.
import type { RawBuilder, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';

/** A span of one level is 2^6 of the level below. */
const BITS = 6;
/** The longest spans are of two years: all of those up to a moment are added up. */
const LEVELS = 7;

interface BackdatedEntry {
  readonly accountId: AccountId;
  readonly asset: AssetCode;
  readonly available: string;
  readonly held: string;
  readonly position: bigint;
  readonly recordedAt: string;
  readonly effectiveMs: number;
}

const backdatedIn = (batch: readonly BatchEvent[]): readonly BackdatedEntry[] =>
  batch.flatMap(({ recorded: { position }, recordedAt, effectiveAt, lines }) => {
    if (effectiveAt === undefined) return [];
    const effectiveMs = Date.parse(effectiveAt);
    return lines.flatMap(({ accountId, asset, available, held }) =>
      accountId === null ? [] : [{ accountId, asset, available, held, position, recordedAt, effectiveMs }],
    );
  });

/** Adds the batch's backdated entries to the sums. */
export async function applyBackdated(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const entries = backdatedIn(batch);
  if (entries.length === 0) return;
  const of = <T>(pick: (entry: BackdatedEntry) => T): T[] => entries.map(pick);
  await sql`
    WITH entries AS (
      SELECT * FROM unnest(${of(({ accountId }) => accountId)}::uuid[], ${of(({ asset }) => asset)}::text[],
        ${of(({ available }) => available)}::numeric[], ${of(({ held }) => held)}::numeric[], ${of(({ position }) => position)}::bigint[],
        ${of(({ recordedAt }) => recordedAt)}::timestamptz[], ${of(({ effectiveMs }) => effectiveMs)}::bigint[])
        AS e(account_id, asset, available, held, position, recorded_at, effective_ms)
    ), before AS (
      SELECT moved.account_id, moved.asset, last.available_so_far, last.held_so_far
      FROM (SELECT DISTINCT account_id, asset FROM entries) AS moved
      CROSS JOIN LATERAL (
        SELECT available_so_far, held_so_far FROM backdated b WHERE b.account_id = moved.account_id AND b.asset = moved.asset
        ORDER BY recorded_at DESC, position DESC LIMIT 1
      ) AS last
    ), along_the_log AS (
      INSERT INTO backdated (position, recorded_at, account_id, asset, available_so_far, held_so_far)
      SELECT e.position, e.recorded_at, e.account_id, e.asset,
        coalesce(b.available_so_far, 0) + sum(e.available) OVER running, coalesce(b.held_so_far, 0) + sum(e.held) OVER running
      FROM entries e LEFT JOIN before b ON b.account_id = e.account_id AND b.asset = e.asset
      WINDOW running AS (PARTITION BY e.account_id, e.asset ORDER BY e.position)
    )
    INSERT INTO backdated_spans AS s (account_id, span, level, asset, available, held)
    SELECT account_id, effective_ms >> (${BITS} * level), level, asset, sum(available), sum(held)
    FROM entries, generate_series(0, ${LEVELS - 1}) AS level
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 4, 3, 2
    ON CONFLICT ON CONSTRAINT backdated_spans_pkey
    DO UPDATE SET available = s.available + excluded.available, held = s.held + excluded.held
  `.execute(tx);
}

/** The spans that together are all time up to a moment and with it: of each level those from `from` up to before `until`. */
function spansUpTo(atMs: number): readonly { readonly level: number; readonly from: number; readonly until: number }[] {
  const end = atMs + 1;
  const spanAt = (level: number): number => Math.floor(end / 2 ** (BITS * level));
  return Array.from({ length: LEVELS }, (_, level) => ({
    level,
    from: level === LEVELS - 1 ? Number.MIN_SAFE_INTEGER : spanAt(level + 1) * 2 ** BITS,
    until: spanAt(level),
  }));
}

/** What lies between an asset's balances by system time and by effective time; `is_moved` where anything was backdated to before the moment. */
export interface Across {
  readonly available: string;
  readonly held: string;
  readonly is_moved: boolean;
}

/** That difference at a moment, a whole millisecond, in a lateral join to rows of `balances`. */
export function backdatedAcross(at: string): RawBuilder<Across> {
  const spans = spansUpTo(Date.parse(at));
  return sql<Across>`(
    SELECT coalesce(dated.available, 0) - coalesce(noted.available_so_far, 0) AS available,
      coalesce(dated.held, 0) - coalesce(noted.held_so_far, 0) AS held, dated.available IS NOT NULL AS is_moved
    FROM (
      SELECT sum(spans.available) AS available, sum(spans.held) AS held
      FROM unnest(${spans.map(({ level }) => level)}::smallint[], ${spans.map(({ from }) => from)}::bigint[],
        ${spans.map(({ until }) => until)}::bigint[]) AS part(level, from_span, until_span)
      CROSS JOIN LATERAL (
        SELECT sum(s.available) AS available, sum(s.held) AS held FROM backdated_spans s
        WHERE s.account_id = balances.account_id AND s.asset = balances.asset AND s.level = part.level
          AND s.span >= part.from_span AND s.span < part.until_span
      ) AS spans
    ) AS dated
    LEFT JOIN LATERAL (
      SELECT b.available_so_far, b.held_so_far FROM backdated b
      WHERE b.account_id = balances.account_id AND b.asset = balances.asset AND b.recorded_at <= ${at}::timestamptz
      ORDER BY b.recorded_at DESC, b.position DESC LIMIT 1
    ) AS noted ON true
  )`;
}

/** As if nothing had been backdated. */
export const nothingAcross = sql<Across>`(SELECT 0::numeric AS available, 0::numeric AS held, false AS is_moved)`;
