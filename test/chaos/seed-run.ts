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
import { appliedOutcome } from './outcomes.ts';
import { recover } from './recovery.ts';
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
  const before = await tenantsOf(stack.postgres.url);
  mark();
  const endsAt = performance.now() + seconds * 1_000;
  let isNemesisOver = false;
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
    isOver: () => isNemesisOver && performance.now() > endsAt,
  });
  const [faults] = await Promise.all([nemesis, working]);

  mark();
  const died = stack.ledgers.flatMap((ledger) => ledger.accidents().map((how) => violation('died-by-itself', how)));
  for (const server of [stack.eventStore, stack.postgres, stack.broker, ...stack.ledgers]) await server?.revive();
  tell('all clients have ended, and all servers run');
  const history = recorder.history();
  const { log, told, violations: unrecovered } = await recover(stack, history, recoveryMs, tell);
  mark();
  const taken = takeovers(before, await tenantsOf(stack.postgres.url)).map((work) => ({ name: takeoverName(work), struck: true }));
  const found = checkHistory(history, log);
  const inEvents = told === undefined ? [] : checkEvents(told, log);
  const isLogSound = found.length === 0;
  const inTables = await checkProjection(stack.postgres.url, log, isLogSound);
  mark();
  const tookMs = marks.slice(1).map((at, n) => Math.round(at - (marks[n] ?? at)));
  return {
    seed,
    faults: [...faults, ...taken],
    history,
    tookMs,
    violations: [...died, ...unrecovered, ...found, ...inEvents, ...inTables],
  };
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
