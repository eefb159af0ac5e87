// Once the faults are over: waiting until everything runs, and nothing is under way any more.
import { setTimeout as sleep } from 'node:timers/promises';
import { lines, projectedPosition, withDatabase } from '../scenarios/audit/tables.ts';
import type { LogEvent } from '../scenarios/log.ts';
import { readLog } from '../scenarios/log.ts';
import { accountOf } from './checker/balances.ts';
import { toBeTold } from './checker/events.ts';
import type { Violation } from './checker/violation.ts';
import { violation } from './checker/violation.ts';
import type { ToldEvent } from './event-queue.ts';
import { fence } from './fence.ts';
import type { History, Recorder } from './history.ts';
import type { ChaosStack } from './stack.ts';

const BETWEEN_MS = 50;
/** What the ledger does by itself may still come in; so long nothing must have. What clients sent is behind a fence. */
const STILL_FOR_MS = 400;

/** What the ledger will still do by itself. */
const UNDER_WAY = `
  SELECT transfer_id::text AS line FROM transfers WHERE state = 'pending' UNION ALL
  SELECT hold_id::text FROM holds WHERE status = 'open' AND expires_at IS NOT NULL UNION ALL
  SELECT order_id::text FROM orders WHERE status = 'pending' AND expires_at IS NOT NULL`;

export interface Recovered {
  /** Every event of accounts and assets. */
  readonly log: readonly LogEvent[];
  /** Every integration event; undefined without a broker. */
  readonly told: readonly ToldEvent[] | undefined;
  readonly violations: readonly Violation[];
}

export const wholeLog = ({ eventStore }: ChaosStack): Promise<LogEvent[]> => readLog(eventStore.url, 'account-', 'asset-');

/**
 * Waits until both ledgers are ready, what was sent has come in if it ever will, what was taken is decided, transfers have ended, all is
 * projected, the log has stood still, and others were told of all of it.
 * @param forMs for how long at most; what has not come about then is a violation.
 */
export async function recover(
  stack: ChaosStack,
  { recorder, token, round }: { readonly recorder: Recorder; readonly token: string; readonly round: number },
  forMs: number,
  tell: (message: string) => void,
): Promise<Recovered> {
  const deadline = performance.now() + forMs;
  const violations: Violation[] = [];
  let log: readonly LogEvent[] = [];
  let told: readonly ToldEvent[] | undefined;

  async function until(what: string, is: () => Promise<boolean>): Promise<void> {
    let last: unknown;
    for (;;) {
      try {
        if (await is()) return tell(what);
      } catch (error) {
        last = error; // a server that has only just come back
      }
      if (performance.now() > deadline)
        return void violations.push(violation('never-recovered', last === undefined ? what : `${what}: ${last}`));
      await sleep(BETWEEN_MS);
    }
  }

  await until('both ledgers are ready', async () => {
    const reasons = await Promise.all(stack.ledgers.map((ledger) => ledger.whyNotReady()));
    const [why] = reasons.filter((reason) => reason !== undefined);
    if (why !== undefined) throw new Error(why);
    return true;
  });
  await until('nothing that was sent is still on its way', async () => {
    await fence(stack, recorder, token, `fence ${round}`);
    return true;
  });
  const history = recorder.history();
  // What is missing then is lost, and the checker says what.
  await until('everything that was taken is decided', async () => {
    log = await wholeLog(stack);
    return isDecided(history, log);
  });
  await until('nothing is under way, and all of the log is projected', async () => {
    log = await wholeLog(stack);
    const last = log.at(-1)?.position ?? -1n;
    const isDone = await withDatabase(stack.postgres.url, async (client) => {
      if ((await projectedPosition(client)) < last) return false;
      return (await lines(client, UNDER_WAY)).length === 0;
    });
    if (!isDone) return false;
    await sleep(STILL_FOR_MS);
    const now = await wholeLog(stack);
    return now.length === log.length;
  });
  await until('all of the log is told', async () => {
    told = await stack.toldEvents();
    if (told === undefined) return true;
    const ids = new Set(told.map(({ id }) => id));
    return toBeTold(log).every(({ id }) => ids.has(id));
  });
  return { log, told, violations };
}

function isDecided({ attempts }: History, log: readonly LogEvent[]): boolean {
  const keys = new Set(log.map((event) => `${accountOf(event)} ${event.metadata['key']}`));
  return attempts.every(({ outcome, accountId, key }) => outcome.kind !== 'taken' || keys.has(`${accountId} ${key}`));
}
