// The scheduler of expiries: at an interval, whatever the projections show as due is told so. It keeps nothing itself: what did
// not expire (its account was not to be read, the clocks disagreed) is still due at the next walk. Any number may run; the
// lease lets one work, and where two do, the keys of their commands let everything expire once.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { assertNever } from '../domain/assert-never.ts';
import type { InternalCommand } from '../domain/commands.ts';
import { HoldIdSchema, OrderIdSchema } from '../domain/ids.ts';
import { makeLease } from '../postgres/leases.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { Due } from '../projections/due.ts';
import { listDue } from '../projections/due.ts';
import type { Pauses } from '../projections/pauses.ts';
import type { ProjectedPosition } from '../projections/position.ts';
import { makeTenures } from '../projections/tenure.ts';
import type { CommandBus } from './bus.ts';
import { internalCommand } from './internal-command.ts';

export interface SchedulerOptions {
  readonly db: LedgerDb;
  readonly bus: Pick<CommandBus, 'send'>;
  readonly position: Pick<ProjectedPosition, 'waitFor'>;
  /** Names this process in the lease; it is made unique for every start. */
  readonly owner: string;
  /** How long after its last sign of life another scheduler takes over, in ms. */
  readonly leaseMs: number;
  /** Between two walks, in ms. */
  readonly intervalMs: number;
  /** The clock, in ms since 1970. It says what is looked at; the clock of whoever decides says what is due. */
  readonly now?: () => number;
  readonly logger: Logger;
}

export type SchedulerState = 'standby' | 'running' | 'stopped';

export interface Scheduler {
  /** Begins in the background. Trouble is logged, and ends by itself where it can. */
  start(): void;
  /** Ends after the commands under way and gives the lease up. */
  stop(): Promise<void>;
  state(): SchedulerState;
}

/** Commands that are under way at once: what is due is looked through by so much at a time. */
const PAGE = 64;
/** Longer than this nobody waits for the projections to see what has expired: asked again, it is answered as the first time. */
const PROJECTED_WITHIN_MS = 2_000;

export function makeScheduler(options: SchedulerOptions): Scheduler {
  const { db, bus, position, leaseMs, intervalMs, now = Date.now, logger } = options;
  const lease = makeLease(db, { name: 'scheduler', owner: `${options.owner}/${randomUUID()}`, leaseMs });
  let state: SchedulerState = 'stopped';
  function become(next: SchedulerState): void {
    if (next !== state) logger.info({ state: next }, 'scheduler');
    state = next;
  }

  async function lead(tenure: Pauses): Promise<void> {
    become('running');
    while (!tenure.ended()) {
      // What has just expired is still shown as due until the projections see it.
      await position.waitFor(await walk(tenure), PROJECTED_WITHIN_MS);
      await tenure.pause(intervalMs);
    }
  }

  /** Sends a command for everything that is due by now. @returns a position from which all that has expired is visible. */
  async function walk(tenure: Pauses): Promise<bigint> {
    const until = new Date(now()).toISOString();
    let latest = -1n;
    let after: Due | undefined;
    do {
      const due = await listDue(db, { until, after, limit: PAGE });
      for (const at of await Promise.all(due.map(expire))) if (at > latest) latest = at;
      after = due.length === PAGE ? due.at(-1) : undefined;
    } while (after !== undefined && !tenure.ended());
    return latest;
  }

  /** @returns the position at which it has expired; -1n where it has not. */
  async function expire(due: Due): Promise<bigint> {
    const answer = await bus.send(internalCommand(expiryOf(due), `expire-${due.kind}`, due.id, { eventId: due.id, correlationId: due.id }));
    if (answer.status !== 'rejected') return answer.position;
    const { code, detail } = answer.rejection;
    logger.debug({ [due.kind]: due.id, code, detail }, 'not expired yet');
    return -1n;
  }

  const tenures = makeTenures({
    work: 'scheduler',
    leaseMs,
    take: lease.take,
    renew: lease.renew,
    release: lease.release,
    lead,
    onStandby: () => become('standby'),
    logger,
  });
  return {
    start: () => {
      if (state === 'stopped') state = 'standby';
      tenures.start();
    },
    stop: async () => {
      await tenures.stop();
      become('stopped');
    },
    state: () => state,
  };
}

/** A hold and an order have the id of the event that placed them; so that event is what their expiry follows from. */
function expiryOf({ kind, accountId, id }: Due): InternalCommand {
  switch (kind) {
    case 'hold':
      return { type: 'expire-hold', accountId, holdId: HoldIdSchema.parse(id) };
    case 'order':
      return { type: 'expire-order', accountId, orderId: OrderIdSchema.parse(id) };
    default:
      return assertNever(kind);
  }
}
