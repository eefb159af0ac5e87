// Entries of one account, drawn at random and booked in batches, some of them backdated; with what a plain sum makes of them.
import fc from 'fast-check';
import { sql } from 'kysely';
import type { RecordedEvent, StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId, AssetCode } from '../../src/domain/ids.ts';
import type { LedgerDb } from '../../src/postgres/pool.ts';
import { applyBatch } from '../../src/projections/apply-batch.ts';
import type { Balance, TimeAxis } from '../../src/projections/balances.ts';
import { readCheckpoint, takeLease } from '../../src/projections/checkpoint.ts';
import { assetCode, deposited, holdPlaced, newAccountId, newEvent, newHoldId, opened, USD, withdrawn } from '../eventstore/new-events.ts';

const EUR = assetCode('EUR');
const JPY = assetCode('JPY');
/** By code. */
const ASSETS = [EUR, JPY, USD];
const lease = { owner: 'test', leaseMs: 200_000 };
const STARTS_AT_MS = Date.UTC(2026, 0, 1);

/** So many ms after the log's beginning, or before it. */
export const at = (ms: number): string => new Date(STARTS_AT_MS + ms).toISOString();

export interface Step {
  readonly asset: AssetCode;
  /** In minor units; below zero it is a withdrawal, or a hold, of no more than there is. */
  readonly minor: number;
  readonly isHold: boolean;
  /** In ms after the log's beginning. */
  readonly occurred: number;
  /** In ms before that. */
  readonly backdated: number | undefined;
}
/** What the oracle knows of an entry; times in ms after the log's beginning. */
export interface Booked {
  readonly asset: AssetCode;
  readonly available: number;
  readonly held: number;
  readonly recorded: number;
  readonly effective: number;
  readonly position: bigint;
}
export interface BookedAccount {
  readonly accountId: AccountId;
  readonly booked: readonly Booked[];
}

/** Times are of this many ms: coarse ones so that entries share them. */
export function stepsOf(unitMs: number, units: number, dated: fc.Arbitrary<number | undefined>): fc.Arbitrary<Step> {
  const times = fc.nat(units).map((count) => count * unitMs);
  return fc.record({
    asset: fc.constantFrom(...ASSETS),
    minor: fc.integer({ min: -500, max: 500 }),
    isHold: fc.boolean(),
    occurred: times,
    backdated: dated,
  });
}

export function money(minor: number, asset: AssetCode): string {
  const sign = minor < 0 ? '-' : '';
  const digits = `${Math.abs(minor)}`;
  if (asset === JPY) return `${sign}${digits}`;
  const padded = digits.padStart(3, '0');
  return `${sign}${padded.slice(0, -2)}.${padded.slice(-2)}`;
}

const sumOf = (entries: readonly Booked[], pick: (entry: Booked) => number): number => entries.reduce((sum, entry) => sum + pick(entry), 0);

/** Empty tables, and a checkpoint whose lease is the test's. */
async function startAnew(db: LedgerDb): Promise<bigint> {
  await sql`TRUNCATE accounts, balances, system_balances, postings, backdated, backdated_spans, holds, command_outcomes, statistics, spending`.execute(
    db,
  );
  await db.updateTable('checkpoint').set({ recorded_at: null }).execute();
  await takeLease(db, lease.owner, lease.leaseMs);
  return (await readCheckpoint(db)).position;
}

function eventOf({ isHold, asset }: Step, minor: number): StoredEvent {
  if (minor > 0) return deposited(money(minor, asset), { asset });
  return isHold ? holdPlaced(newHoldId(), money(-minor, asset), { asset }) : withdrawn(money(-minor, asset), { asset });
}

/** Books the steps on a new account, the only one there is then, in batches of those many events. */
export async function book(db: LedgerDb, steps: readonly Step[], cuts: readonly number[] = [steps.length + 1]): Promise<BookedAccount> {
  const accountId = newAccountId();
  const from = await startAnew(db);
  const log: RecordedEvent[] = [];
  const write = (event: StoredEvent, occurred: number, effective?: number): bigint => {
    const position = (log.at(-1)?.position ?? from) + 3n;
    const { eventId, metadata } = newEvent(event, {
      occurredAt: at(occurred),
      ...(effective === undefined ? {} : { effectiveAt: at(effective) }),
    });
    const revision = BigInt(log.length);
    log.push({ stream: accountStream(accountId), subject: { kind: 'account', accountId }, revision, position, eventId, event, metadata });
    return position;
  };
  write(opened(), 0);
  const booked: Booked[] = [];
  const available = new Map<AssetCode, number>();
  let recorded = 0;
  for (const step of steps) {
    const { asset, occurred, backdated } = step;
    const before = available.get(asset) ?? 0;
    const minor = Math.max(step.minor, -before);
    if (minor === 0) continue;
    available.set(asset, before + minor);
    recorded = Math.max(recorded, occurred); // clocks that jump do not reorder history
    const effective = backdated === undefined ? recorded : occurred - backdated;
    const position = write(eventOf(step, minor), occurred, backdated === undefined ? undefined : effective);
    booked.push({ asset, available: minor, held: minor < 0 && step.isHold ? -minor : 0, recorded, effective, position });
  }
  let position = from;
  for (let start = 0, cut = 0; start < log.length; cut += 1) {
    const end = start + (cuts[cut % cuts.length] ?? 1);
    ({ position } = await applyBatch(db, lease, position, log.slice(start, end)));
    start = end;
  }
  return { accountId, booked };
}

/** The balances at a moment, in ms after the log's beginning, of every asset that had moved by then. */
export function summedUp(booked: readonly Booked[], moment: number, by: TimeAxis): readonly Balance[] {
  const until = booked.filter((entry) => (by === 'system' ? entry.recorded : entry.effective) <= moment);
  return ASSETS.flatMap((asset) => {
    const moved = until.filter((entry) => entry.asset === asset);
    if (moved.length === 0) return [];
    const [available, held] = [sumOf(moved, (entry) => entry.available), sumOf(moved, (entry) => entry.held)];
    return [{ asset, available: money(available, asset), held: money(held, asset), total: money(available + held, asset) }];
  });
}
