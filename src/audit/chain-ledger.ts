// The ledger's own chain: its log held against the checkpoints that Postgres keeps, and what an operator may sign besides.
import type { EventStore } from '../eventstore/client.ts';
import { listChainCheckpoints } from '../identity/chain-checkpoints.ts';
import { chainPublicKeys } from '../identity/chain-keys.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { ChainState } from './chain.ts';
import { EMPTY_CHAIN } from './chain.ts';
import type { ChainVerdict } from './chain-check.ts';
import { makeChainCheck } from './chain-check.ts';
import type { Checkpoint, CheckpointKeys, CheckpointSigner } from './chain-checkpoint.ts';
import { hashOfCheckpoint, keysFrom } from './chain-checkpoint.ts';
import type { SigningPlace } from './chain-keeper.ts';
import { keepCheckpoint, newestCheckpoint, placeOfNewest, signOn, statementAt } from './chain-keeper.ts';
import type { CheckpointSeries } from './chain-series.ts';
import { readSeries, withKept } from './chain-series.ts';
import type { Finding } from './findings.ts';
import { lineOfFinding } from './findings.ts';
import type { ReadOptions } from './read-log.ts';
import { readLog } from './read-log.ts';

/** The log is not as it was signed; nothing was done on top of it. */
export class ChainBroken extends Error {
  override readonly name = 'ChainBroken';
  readonly findings: readonly Finding[];
  constructor(findings: readonly Finding[]) {
    super(['the log is not as it was signed:', ...findings.map((finding) => `  ${lineOfFinding(finding)}`)].join('\n'));
    this.findings = findings;
  }
}

/** What somebody outside trusts, and holds against the ledger. */
export interface Trusted {
  /** Absent: the keys that Postgres keeps. */
  readonly keys?: CheckpointKeys | undefined;
  /** Checkpoints that were taken away earlier, as parsed JSON. */
  readonly kept?: readonly unknown[] | undefined;
}

/** The checkpoints that Postgres keeps, and those that were kept elsewhere. */
export async function ledgerSeries(db: LedgerDb, { keys, kept = [] }: Trusted = {}): Promise<CheckpointSeries> {
  const rows = await listChainCheckpoints(db);
  const jwks = keys === undefined ? await chainPublicKeys(db) : [];
  const trusted = keys ?? (jwks.length === 0 ? new Map() : keysFrom({ keys: jwks }));
  const series = readSeries(
    rows.map(({ checkpoint }) => checkpoint),
    trusted,
  );
  return withKept(series, kept, trusted);
}

export interface ChainReport extends ChainVerdict {
  /** Checkpoints that stand, and those given up because the log was restored from an older copy. */
  readonly checkpoints: number;
  readonly abandoned: number;
}

/** What a verdict says together with what is wrong with the checkpoints themselves. */
export const reportOf = (series: CheckpointSeries, verdict: ChainVerdict): ChainReport => ({
  ...verdict,
  checkpoints: series.standing.length,
  abandoned: series.members.length - series.standing.length,
  findings: [...series.findings, ...verdict.findings],
});

interface ChainOfLog extends Pick<ReadOptions, 'onProgress'> {
  readonly db: LedgerDb;
  readonly store: Pick<EventStore, 'log'>;
}

/** Holds the whole log against the checkpoints. */
export async function verifyLedgerChain({ db, store, onProgress }: ChainOfLog, trusted?: Trusted): Promise<ChainReport> {
  const series = await ledgerSeries(db, trusted);
  const check = makeChainCheck(series.standing);
  for await (const batch of readLog(store, { onProgress })) for (const record of batch) check.add(record);
  return reportOf(series, check.end());
}

export interface SignOptions extends ChainOfLog {
  readonly store: Pick<EventStore, 'log' | 'streams'>;
  readonly signer: CheckpointSigner;
}

/**
 * Signs the log as far as it is now: from the newest checkpoint on, which the log must still have.
 * @returns the checkpoint; undefined in an empty log.
 * @throws CheckpointMismatch; ChainBroken; StoreUnavailable
 */
export async function signLedgerChain(options: SignOptions): Promise<Checkpoint | undefined> {
  const { db, signer } = options;
  for (;;) {
    const place = await signOn(await placeOfNewest(db), { ...options, everyEvents: Number.POSITIVE_INFINITY });
    if (place === undefined) continue;
    const statement = statementAt(place);
    if (statement === undefined) return undefined;
    const kept = await keepCheckpoint(db, signer, place, statement);
    if (kept !== undefined) return kept.newest?.checkpoint;
  }
}

/**
 * Signs the log as it is now after it was restored from an older copy, and says with it which checkpoints do not hold any more: those
 * after the last one that the log still has. Nothing is signed where the log has the event of a checkpoint and another hash.
 * @returns the checkpoint; undefined where the log has everything that was signed: then there is nothing to say.
 * @throws ChainBroken where more is wrong than that the log ends too early; StoreUnavailable
 */
export async function signAfterRestore(options: SignOptions, reason: string): Promise<Checkpoint | undefined> {
  const { db, store, signer, onProgress } = options;
  for (;;) {
    const newest = await newestCheckpoint(db);
    const series = await ledgerSeries(db);
    const check = makeChainCheck(series.standing);
    let at: SigningPlace['at'];
    for await (const batch of readLog(store, { onProgress }))
      for (const record of batch) {
        check.add(record);
        at = record;
      }
    const { findings, provenBy, proven } = check.end();
    const broken = [...series.findings, ...findings.filter(({ kind }) => kind !== 'signed_event_missing')];
    if (broken.length > 0) throw new ChainBroken(broken);
    if (findings.length === 0) return undefined;
    // Where the log still has a later one, the missing ones before it were not lost with the log's end.
    if (series.standing.filter(({ events }) => BigInt(events) > proven).length !== findings.length) throw new ChainBroken(findings);
    const statement = statementAt({ chain: check.state(), at, looked: undefined, newest });
    if (statement === undefined) throw new ChainBroken(findings);
    const abandons = { after: provenBy === undefined ? null : hashOfCheckpoint(provenBy), reason };
    const kept = await keepCheckpoint(db, signer, { chain: check.state(), at, looked: undefined, newest }, { ...statement, abandons });
    if (kept !== undefined) return kept.newest?.checkpoint;
  }
}

/** For whoever reads the log for something else (a rebuild): adds records to it, and asks at the end. See chain-check.ts. */
export async function openLedgerChainCheck(db: LedgerDb, from: ChainState = EMPTY_CHAIN) {
  const series = await ledgerSeries(db);
  const check = makeChainCheck(series.standing, from);
  return { add: check.add, state: check.state, end: (): ChainReport => reportOf(series, check.end()) };
}
