// The export of the log as JSON lines, which can be checked without the ledger: a header, every event with all that is in the chain,
// the checkpoints behind the events they were signed at, the last of them signed for the export, and a line that says it is the end.
import { z } from 'zod';
import type { EventStore } from '../eventstore/client.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { ChainState } from './chain.ts';
import { CHAIN_FORMAT, chainedEvent } from './chain.ts';
import { makeChainCheck } from './chain-check.ts';
import type { Checkpoint, CheckpointSigner } from './chain-checkpoint.ts';
import { hashOfCheckpoint, signCheckpoint, WholeNumber } from './chain-checkpoint.ts';
import type { SigningPlace } from './chain-keeper.ts';
import { statementAt } from './chain-keeper.ts';
import { ChainBroken, ledgerSeries, signLedgerChain } from './chain-ledger.ts';
import type { CheckpointSeries } from './chain-series.ts';
import type { ReadOptions } from './read-log.ts';
import { readLog } from './read-log.ts';

export const EXPORT_FORMAT = 'ledgerfold-export/1';

/** How lines of checkpoints and of events begin, as exports are written. */
export const CHECKPOINT_LINE = '{"kind":"checkpoint"';
export const EVENT_LINE = '{"kind":"event"';

/** A line of an export. */
export const ExportLine = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('header'), format: z.literal(EXPORT_FORMAT), chain: z.literal(CHAIN_FORMAT) }),
  z.strictObject({
    kind: z.literal('event'),
    /** In the store that was exported; not in the chain. */
    position: WholeNumber,
    stream: z.string(),
    revision: WholeNumber,
    id: z.string(),
    type: z.string(),
    data: z.unknown().optional(),
    metadata: z.unknown().optional(),
  }),
  z.strictObject({ kind: z.literal('checkpoint'), checkpoint: z.unknown() }),
  z.strictObject({ kind: z.literal('end'), events: WholeNumber, checkpoints: WholeNumber }),
]);
export type ExportLine = z.infer<typeof ExportLine>;

export interface ExportOptions extends Pick<ReadOptions, 'until' | 'onProgress'> {
  readonly db: LedgerDb;
  readonly store: Pick<EventStore, 'log' | 'streams'>;
  readonly signer: CheckpointSigner;
}

/**
 * The lines of an export, without line breaks, in batches; flat in memory. Up to `until`, or to the end of the log as it is now,
 * which is signed first and kept as any checkpoint. One for an earlier position is signed for the export alone.
 * @throws ChainBroken, before the last checkpoint and the end, where the log is not as it was signed; CheckpointMismatch; StoreUnavailable
 */
export async function* exportLog(options: ExportOptions): AsyncGenerator<readonly string[], void, undefined> {
  const { db, store, signer, onProgress } = options;
  const fresh = options.until === undefined ? await signLedgerChain(options) : undefined;
  const until = options.until ?? (fresh === undefined ? -1n : BigInt(fresh.position));
  const series = await ledgerSeries(db);
  if (series.findings.length > 0) throw new ChainBroken(series.findings);
  // Whoever signs by himself may have signed more by now than is exported.
  const waiting = membersUntil(series, until);
  const check = makeChainCheck(waiting.flatMap(({ checkpoint, stands }) => (stands ? [checkpoint] : [])));
  yield [lineOf({ kind: 'header', format: EXPORT_FORMAT, chain: CHAIN_FORMAT })];
  let at: SigningPlace['at'];
  let written: Checkpoint | undefined;
  let checkpoints = 0;
  for await (const batch of readLog(store, { until, onProgress })) {
    const lines: string[] = [];
    for (const record of batch) {
      const broken = check.add(record);
      if (broken !== undefined) throw new ChainBroken([broken]);
      lines.push(lineOf({ kind: 'event', position: `${record.position}`, ...chainedEvent(record) }));
      at = record;
      for (let next = waiting[0]; next !== undefined && isDue(next, check.state()); next = waiting[0]) {
        lines.push(lineOf({ kind: 'checkpoint', checkpoint: next.checkpoint }));
        written = next.checkpoint;
        checkpoints += 1;
        waiting.shift();
      }
    }
    yield lines;
  }
  const { events, findings } = check.end();
  if (findings.length > 0) throw new ChainBroken(findings);
  const isProven = written !== undefined && BigInt(written.events) === events;
  const statement = isProven ? undefined : statementAt({ chain: check.state(), at, looked: undefined, newest: undefined });
  if (statement !== undefined) {
    const previous = written === undefined ? null : hashOfCheckpoint(written);
    yield [lineOf({ kind: 'checkpoint', checkpoint: signCheckpoint(signer, { ...statement, previous }) })];
    checkpoints += 1;
  }
  yield [lineOf({ kind: 'end', events: `${events}`, checkpoints: `${checkpoints}` })];
}

const lineOf = (line: ExportLine): string => JSON.stringify(line);

type Member = CheckpointSeries['members'][number];

/** The checkpoints of the log up to that position, in the order in which they were signed; with them those given up in between. */
function membersUntil({ members }: CheckpointSeries, until: bigint): Member[] {
  const last = members.findLastIndex(({ checkpoint, stands }) => stands && BigInt(checkpoint.position) <= until);
  return members.slice(0, last + 1);
}

/** One that was given up has no event behind which it would come. */
const isDue = ({ checkpoint, stands }: Member, { events }: ChainState): boolean => !stands || BigInt(checkpoint.events) <= events;
