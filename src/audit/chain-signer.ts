// The signer of the chain: follows the log and signs a checkpoint every so many events. One process at a time works; the lease says which.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { EventStore } from '../eventstore/client.ts';
import { makeLease } from '../postgres/leases.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { CheckpointMismatch } from '../projections/errors.ts';
import type { Pauses } from '../projections/pauses.ts';
import { makeTenures } from '../projections/tenure.ts';
import type { CheckpointSigner } from './chain-checkpoint.ts';
import type { SigningPlace } from './chain-keeper.ts';
import { placeOfNewest, signOn } from './chain-keeper.ts';

export interface ChainSignerOptions {
  readonly db: LedgerDb;
  readonly store: EventStore;
  /** The key that signs now; asked for whenever the work begins. */
  readonly signer: () => Promise<CheckpointSigner>;
  /** Names this process in the lease; it is made unique for every start. */
  readonly owner: string;
  /** How long after its last sign of life another signer takes over, in ms. */
  readonly leaseMs: number;
  /** A checkpoint is signed after so many events. */
  readonly everyEvents: number;
  /** How often the log is looked at for more, in ms. */
  readonly pollMs?: number;
  readonly logger: Logger;
}

/** `refused`: the log does not have what was signed, see `refusal`; it is looked at again and again. */
export type ChainSignerState = 'standby' | 'running' | 'refused' | 'stopped';
export interface ChainSignerStatus {
  readonly state: ChainSignerState;
  readonly refusal?: CheckpointMismatch;
}

export interface ChainSigner {
  /** Begins in the background. Trouble is logged, and ends by itself where it can; nothing else depends on it. */
  start(): void;
  /** Ends after the batch under way and gives the lease up. */
  stop(): Promise<void>;
  status(): ChainSignerStatus;
}

const POLL_MS = 1_000;

export function makeChainSigner(options: ChainSignerOptions): ChainSigner {
  const { db, store, signer, leaseMs, everyEvents, pollMs = POLL_MS, logger } = options;
  const lease = makeLease(db, { name: 'chain-signer', owner: `${options.owner}/${randomUUID()}`, leaseMs });
  let status: ChainSignerStatus = { state: 'stopped' };
  function become(state: ChainSignerState, why: Pick<ChainSignerStatus, 'refusal'> = {}): void {
    if (state !== status.state) logger.info({ state }, 'chain signer');
    status = { state, ...why };
  }

  async function lead(tenure: Pauses): Promise<void> {
    const key = await signer();
    let place: SigningPlace | undefined;
    while (!tenure.ended()) {
      place ??= await placeOfNewest(db);
      become('running');
      const before: SigningPlace = place;
      place = await signOn(before, { db, store, signer: key, everyEvents, isEnded: tenure.ended });
      if (place !== undefined && place.newest !== before.newest)
        logger.info({ events: `${place.newest?.checkpoint.events}` }, 'the chain is signed');
      if (place !== undefined) await tenure.pause(pollMs);
    }
  }

  const tenures = makeTenures({
    work: 'chain signer',
    leaseMs,
    take: lease.take,
    renew: lease.renew,
    release: lease.release,
    lead,
    onStandby: () => become('standby'),
    onRefused: (refusal) => become('refused', { refusal }),
    logger,
  });
  return {
    start: () => {
      if (status.state === 'stopped') become('standby');
      tenures.start();
    },
    stop: async () => {
      await tenures.stop();
      become('stopped');
    },
    status: () => status,
  };
}
