// Saving how far work under a lease has got in the log, as often as it is asked to and only where something has changed.
import type { Logger } from 'pino';
import type { Lease, LogPlace } from '../postgres/leases.ts';
import type { Pauses } from './pauses.ts';

export interface CheckpointSaverOptions {
  readonly lease: Pick<Lease, 'save'>;
  /** Ended where the lease turns out to be somebody else's. */
  readonly tenure: Pauses;
  /** What the lease's row says already. */
  readonly from: LogPlace | undefined;
  /** Names the work in the log. */
  readonly work: string;
  readonly logger: Logger;
}

/** A function that saves the place reached. Never rejects: what could not be saved is saved with the next place. */
export function makeCheckpointSaver(options: CheckpointSaverOptions): (reached: LogPlace | undefined) => Promise<void> {
  const { lease, tenure, from, work, logger } = options;
  let saved = from;
  return async (reached) => {
    if (reached === undefined || reached.position === saved?.position) return;
    try {
      if (await lease.save(reached)) saved = reached;
      else tenure.end();
    } catch (error) {
      logger.warn({ err: error }, `the checkpoint of the ${work} was not saved`);
    }
  };
}
