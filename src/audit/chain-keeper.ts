// Signing the chain: from the newest checkpoint on through the log, and a new checkpoint where one is due. Any number may do so at
// a time: a checkpoint has a number, and of two with the same only the first is kept.
import type { EventStore } from '../eventstore/client.ts';
import type { EventPlace } from '../eventstore/errors.ts';
import { addChainCheckpoint, newestChainCheckpoint } from '../identity/chain-checkpoints.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { checkAgainstLog } from '../projections/log-check.ts';
import type { ChainState } from './chain.ts';
import { EMPTY_CHAIN, nextHash } from './chain.ts';
import type { Checkpoint, CheckpointSigner, Statement } from './chain-checkpoint.ts';
import { CheckpointSchema, chainAt, hashOfCheckpoint, signCheckpoint } from './chain-checkpoint.ts';
import type { ReadOptions } from './read-log.ts';
import { readLog } from './read-log.ts';

/** Where a signer is: the chain at an event, and the newest checkpoint. */
export interface SigningPlace {
  readonly chain: ChainState;
  /** The last event of the chain; undefined before the first. */
  readonly at: Pick<EventPlace, 'eventId' | 'position'> | undefined;
  /** Everything up to this position was looked through; others' records, too. */
  readonly looked: bigint | undefined;
  readonly newest: { readonly number: bigint; readonly checkpoint: Checkpoint } | undefined;
}

/** The newest checkpoint as the table has it; undefined before the first. @throws ZodError where it is none. */
export async function newestCheckpoint(db: LedgerDb): Promise<SigningPlace['newest']> {
  const row = await newestChainCheckpoint(db);
  return row && { number: row.number, checkpoint: CheckpointSchema.parse(row.checkpoint) };
}

const READER = {
  did: 'the chain was signed',
  remedy:
    'nothing is signed over what is lost; see where with `ledger chain verify`, and where the log was restored from an older copy, say so: `ledger chain sign --after-restore`',
};

/** The place at the newest checkpoint. */
export async function placeOfNewest(db: LedgerDb): Promise<SigningPlace> {
  const newest = await newestCheckpoint(db);
  if (newest === undefined) return { chain: EMPTY_CHAIN, at: undefined, looked: undefined, newest };
  const { checkpoint } = newest;
  const position = BigInt(checkpoint.position);
  return { chain: chainAt(checkpoint), at: { eventId: checkpoint.eventId, position }, looked: position, newest };
}

/** What a checkpoint at that place says. */
export const statementAt = ({ chain, at, newest }: SigningPlace): Statement | undefined =>
  at && {
    events: `${chain.events}`,
    hash: chain.hash,
    eventId: at.eventId,
    position: `${at.position}`,
    previous: newest === undefined ? null : hashOfCheckpoint(newest.checkpoint),
    signedAt: new Date().toISOString(),
  };

/** Keeps a checkpoint of what is said there. @returns the place with it; undefined where somebody else was first. */
export async function keepCheckpoint(
  db: LedgerDb,
  signer: CheckpointSigner,
  place: SigningPlace,
  statement: Statement,
): Promise<SigningPlace | undefined> {
  const checkpoint = signCheckpoint(signer, statement);
  const number = (place.newest?.number ?? 0n) + 1n;
  return (await addChainCheckpoint(db, number, checkpoint)) ? { ...place, newest: { number, checkpoint } } : undefined;
}

export interface SignOnOptions extends Pick<ReadOptions, 'until' | 'onProgress'> {
  readonly db: LedgerDb;
  readonly store: Pick<EventStore, 'log' | 'streams'>;
  readonly signer: CheckpointSigner;
  /** A checkpoint is due after so many events. */
  readonly everyEvents: number;
  /** Looked at after every batch: true ends it early. */
  readonly isEnded?: () => boolean;
}

/**
 * Goes on from that place to the end of the log, and keeps a checkpoint wherever one is due.
 * @returns where it got to; undefined where somebody else signed meanwhile: begin anew at the newest checkpoint then.
 * @throws CheckpointMismatch where the log does not have the event of that place any more; StoreUnavailable
 */
export async function signOn(place: SigningPlace, options: SignOnOptions): Promise<SigningPlace | undefined> {
  const { db, store, signer, everyEvents, until, onProgress, isEnded = () => false } = options;
  if (place.at !== undefined) await checkAgainstLog(store.streams, place.at, READER);
  const end = until ?? (await store.log.end());
  let here = place;
  for await (const batch of readLog(store, { after: here.looked, until: end, onProgress })) {
    for (const record of batch) {
      const { eventId, position } = record;
      const chain = { events: here.chain.events + 1n, hash: nextHash(here.chain.hash, record) };
      here = { ...here, chain, at: { eventId, position }, looked: position };
      if (chain.events - BigInt(here.newest?.checkpoint.events ?? 0) < everyEvents) continue;
      const statement = statementAt(here);
      const kept = statement && (await keepCheckpoint(db, signer, here, statement));
      if (kept === undefined) return undefined;
      here = kept;
    }
    if (isEnded()) return here;
  }
  return { ...here, looked: end ?? here.looked };
}
