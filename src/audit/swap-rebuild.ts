// Putting a rebuild in the place of the live tables, and every work that follows the log back onto it where it has changed.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '../eventstore/client.ts';
import { leasePlaces } from '../postgres/leases.ts';
import type { Database } from '../postgres/pool.ts';
import { openSession } from '../postgres/session.ts';
import type { Checkpoint } from '../projections/checkpoint.ts';
import type { Shadow } from '../projections/shadow.ts';
import { tablesIn } from '../projections/shadow-tables.ts';
import type { SetBack } from '../projections/swap.ts';
import { dependentsOf, dropReplaced, lastCommonEvent, longestUser, trySwap } from '../projections/swap.ts';
import { ChainBroken } from './chain-ledger.ts';
import type { Rebuild } from './rebuild.ts';
import { isInLog } from './rebuild.ts';

export interface SwapOptions {
  readonly database: Pick<Database, 'db' | 'pool'>;
  readonly store: Pick<EventStore, 'streams'>;
  readonly onStep?: ((message: string) => void) | undefined;
}

export interface Swapped {
  readonly setBack: readonly SetBack[];
}

/** The tables cannot be swapped as things are; they are as they were, and the rebuild is kept. */
export class SwapRefused extends Error {
  override readonly name = 'SwapRefused';
}

const GIVE_UP_MS = 60_000;
/** Between two tries, so that whoever had to wait gets on. */
const PAUSE_MS = 150;
/** Nobody's commands are projected while the rebuild catches up the last few events. */
const CATCH_UP_MS = 1_000;

/**
 * Brings the rebuild up to the log's end and puts it in the place of the live tables. Readers wait for a moment, none of them fails.
 * @throws ChainBroken where the log is not as it was signed; SwapRefused where views stand on the live tables, or somebody reads them
 *   for too long; what Rebuild.catchUp throws
 */
export async function swapRebuild(rebuild: Rebuild, { database, store, onStep }: SwapOptions): Promise<Swapped> {
  const { shadow } = rebuild;
  await using session = await openSession(database, shadow.live);
  const views = await dependentsOf(database.db, await tablesIn(database.db, shadow.schema));
  if (views.length > 0)
    throw new SwapRefused(
      `views stand on the tables, and would be lost with them: ${views.join(', ')}; drop them, and make them anew afterwards`,
    );
  await rebuild.catchUp();
  const setBack = await worksToSetBack(database, store, shadow);
  for (const until = performance.now() + GIVE_UP_MS; ; ) {
    const { findings } = rebuild.chain();
    if (findings.length > 0) throw new ChainBroken(findings);
    let catchingUp: Promise<void> | undefined;
    const catchUp = async (live: Checkpoint): Promise<boolean> => {
      // Tables built from another log are at no place of this one.
      if (shadow.checkpoint().position >= live.position || !(await isInLog(store, live))) return true;
      catchingUp = rebuild.catchUp(live.position);
      return Promise.race([catchingUp.then(() => rebuild.chain().findings.length === 0), sleep(CATCH_UP_MS, false)]);
    };
    const isSwapped = await trySwap({ session, shadow, catchUp, setBack });
    if (isSwapped) break;
    await catchingUp;
    if (performance.now() > until)
      throw new SwapRefused(`the tables were in use all the time: by ${await longestUser(database.db, shadow)}`);
    onStep?.('somebody is using the tables; trying again');
    await sleep(PAUSE_MS);
    await rebuild.catchUp();
  }
  await dropReplaced(session.db, shadow);
  return { setBack };
}

/**
 * The works whose place is not in the log any more: it was restored from an older copy. What was told to others goes on after the last
 * event that was told and is still there; whoever must look at everything again begins anew, which changes nothing twice.
 */
async function worksToSetBack(
  { db }: Pick<Database, 'db'>,
  store: Pick<EventStore, 'streams'>,
  shadow: Pick<Shadow, 'schema' | 'live'>,
): Promise<readonly SetBack[]> {
  const found: SetBack[] = [];
  for (const { name, checkpoint } of await leasePlaces(db)) {
    if (await isInLog(store, checkpoint)) continue;
    const to = name === 'event-publisher' ? await lastCommonEvent(db, shadow) : undefined;
    found.push({ name, from: checkpoint, to });
  }
  return found;
}
