// One seed: fresh accounts, clients at work, the seed's faults, recovery, and the checker's word on all of it.
import { createLedgerClient } from '@ledgerfold/client';
import type { Chance } from '../../packages/load/src/chance.ts';
import { makeChance } from '../../packages/load/src/chance.ts';
import { checkHistory } from './checker/check.ts';
import { checkEvents } from './checker/events.ts';
import { checkProjection } from './checker/projection.ts';
import type { Violation } from './checker/violation.ts';
import { violation } from './checker/violation.ts';
import type { World } from './commands.ts';
import { planOf } from './fault-kinds.ts';
import type { History, Recorder } from './history.ts';
import { makeRecorder } from './history.ts';
import type { Struck } from './nemesis.ts';
import { runNemesis } from './nemesis.ts';
import { NotRevived } from './not-revived.ts';
import { appliedOutcome } from './outcomes.ts';
import { recover, wholeLog } from './recovery.ts';
import type { ChaosStack } from './stack.ts';
import { takeoverName, takeovers, tenantsOf } from './tenants.ts';
import { runWorkload } from './workload.ts';

export interface SeedReport {
  readonly seed: number;
  readonly faults: readonly Struck[];
  readonly violations: readonly Violation[];
  readonly history: History;
  /** How long the accounts took to open, clients worked, the stack came to rest and the checker checked, in ms. */
  readonly tookMs: readonly number[];
}

export interface SeedOptions {
  /** For how long clients work. */
  readonly seconds: number;
  /** How long the stack may take to come to rest afterwards, in ms. */
  readonly recoveryMs: number;
  /** False: nothing goes wrong. */
  readonly withFaults?: boolean;
  /** Told what goes on. */
  readonly tell?: (message: string) => void;
}

const ACCOUNTS = 4;
const FIRST_DEPOSIT = { asset: 'USD', amount: '100.00' };
const OPENING_MS = 60_000;
/** So often is it judged anew where the log has grown under the checker. */
const MOST_ROUNDS = 3;

export async function runSeed(
  stack: ChaosStack,
  seed: number,
  { seconds, recoveryMs, withFaults = true, tell = () => undefined }: SeedOptions,
): Promise<SeedReport> {
  const marks = [performance.now()];
  const mark = (): void => void marks.push(performance.now());
  const recorder = makeRecorder();
  const token = await stack.ledgers[0].operatorToken();
  const world = await openAccounts(stack, makeChance(`accounts of ${seed}`), recorder, token);
  const before = await tenantsOf(stack);
  mark();
  const endsAt = performance.now() + seconds * 1_000;
  let isNemesisOver = false;
  let hasFailed = false;
  const nemesis = runNemesis(stack, withFaults ? planOf(seed, seconds) : [], recorder, tell).finally(() => {
    isNemesisOver = true;
  });
  const working = runWorkload({
    seed: `seed ${seed}`,
    urls: [stack.ledgers[0].url, stack.ledgers[1].url],
    producerUrl: stack.broker === undefined ? undefined : stack.producerUrl,
    token,
    recorder,
    world,
    // To the end of the faults: what comes back has something to do.
    isOver: () => hasFailed || (isNemesisOver && performance.now() > endsAt),
  }).catch((error: unknown) => {
    hasFailed = true;
    throw error;
  });
  // Whichever fails, nothing of it goes on behind the next seed's back.
  await Promise.allSettled([nemesis, working]);
  const [faults] = await Promise.all([nemesis, working]);

  mark();
  const tookMs = (): readonly number[] => marks.slice(1).map((at, n) => Math.round(at - (marks[n] ?? at)));
  const died = (): readonly Violation[] =>
    stack.ledgers.flatMap((ledger) => ledger.accidents().map((how) => violation('died-by-itself', how)));
  const unrevived = await reviveAll(stack, recoveryMs);
  // Of a stack that does not run there is nothing more to say.
  if (unrevived.length > 0) return { seed, faults, history: recorder.history(), tookMs: tookMs(), violations: [...died(), ...unrevived] };
  tell('all clients have ended, and all servers run');

  for (let round = 1; ; round += 1) {
    const { log, told, violations: unrecovered } = await recover(stack, { recorder, token, round }, recoveryMs, tell);
    mark();
    const history = recorder.history();
    const found = checkHistory(history, log);
    const inEvents = told === undefined ? [] : checkEvents(told, log);
    const inTables = await checkProjection(stack.postgres.url, log, found.length === 0);
    const hasGrown = (await wholeLog(stack)).length > log.length;
    mark();
    if (hasGrown && round < MOST_ROUNDS) {
      tell('the log has grown under the checker');
      continue;
    }
    const restless = hasGrown ? [violation('never-recovered', `the log still grew when it was judged for the ${round}. time`)] : [];
    const taken = takeovers(before, await tenantsOf(stack)).map((work) => ({ name: takeoverName(work), struck: true }));
    const violations = [...died(), ...unrecovered, ...restless, ...found, ...inEvents, ...inTables];
    return { seed, faults: [...faults, ...taken], history, tookMs: tookMs(), violations };
  }
}

/** @returns what did not come back within that time */
async function reviveAll({ eventStore, postgres, broker, ledgers }: ChaosStack, withinMs: number): Promise<readonly Violation[]> {
  const deadline = performance.now() + withinMs;
  const violations: Violation[] = [];
  for (const server of [eventStore, postgres, broker, ...ledgers]) {
    try {
      await server?.revive(Math.max(0, deadline - performance.now()));
    } catch (error) {
      if (!(error instanceof NotRevived)) throw error;
      violations.push(violation('never-recovered', error.message));
    }
  }
  return violations;
}

/** Opens the seed's accounts, each with some money. */
async function openAccounts(stack: ChaosStack, chance: Chance, recorder: Recorder, token: string): Promise<World> {
  const [{ url }] = stack.ledgers;
  const ledger = createLedgerClient({ url, token, deadlineMs: OPENING_MS });
  const ids = Array.from({ length: 2 * ACCOUNTS }, () => chance.uuid());
  recorder.accounts.push(...ids);
  recorder.bank.push(...ids.slice(0, ACCOUNTS));
  await Promise.all(
    ids.map(async (accountId) => {
      const asked = { client: 'opening', accountId };
      const opened = recorder.invoke({ ...asked, key: 'open', type: 'open-account', asks: {} });
      opened(appliedOutcome(await ledger.openAccount({ accountId }, { key: 'open' })));
      const paid = recorder.invoke({ ...asked, key: 'pay in', type: 'deposit', asks: FIRST_DEPOSIT });
      paid(appliedOutcome(await ledger.deposit(accountId, FIRST_DEPOSIT, { key: 'pay in' })));
    }),
  );
  return { bank: recorder.bank, shops: ids.slice(ACCOUNTS), holds: [], orders: [] };
}
