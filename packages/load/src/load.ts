// A run: people, plan, load, comparison, report.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions, Credentials, LedgerClient } from '@ledgerfold/client';
import { createLedgerClient, createLedgerProducer, createPooledFetch, LedgerUnreachable } from '@ledgerfold/client';
import { makeAcknowledged } from './acknowledged.ts';
import { makeBooks } from './books.ts';
import { makeCommandMaker } from './commands.ts';
import { makeDoubts } from './doubts.ts';
import { makeJudge } from './judge.ts';
import { startLiveLine } from './live-line.ts';
import { makeLoadMetrics, serveMetrics } from './metrics.ts';
import { SCALES } from './money.ts';
import type { OpenLoop } from './open-loop.ts';
import { startOpenLoop } from './open-loop.ts';
import type { Tolerated } from './outcomes.ts';
import type { People } from './people.ts';
import { fundPeople, registerPeople } from './people.ts';
import { makePerformer } from './performer.ts';
import { planOf } from './plan.ts';
import { sampleProjectionLag } from './projection-lag.ts';
import { reconcile } from './reconcile.ts';
import { makeRecorder } from './recorder.ts';
import type { Report } from './report.ts';
import { figuresOf, figuresOrNone, operationReports } from './report.ts';
import { makeStrands } from './strands.ts';

export interface LoadOptions {
  /** Where the ledger is. */
  readonly url: string;
  /** An operator's. */
  readonly access: { readonly token: string } | { readonly credentials: Credentials };
  /** A broker to send a share of the commands to. */
  readonly amqpUrl?: string | undefined;
  readonly rps: number;
  readonly durationS: number;
  /** Before what is measured, at the same rate; booked and compared like everything else. */
  readonly warmUpS: number;
  readonly users: number;
  readonly seed: string;
  readonly maxInFlight: number;
  /** How long one request may take. */
  readonly timeoutMs: number;
  /** Seconds between two log-ins; 0: none. */
  readonly logInEveryS: number;
  readonly tolerated: Tolerated;
  readonly metricsPort?: number | undefined;
  /** Where progress is written. */
  readonly progress: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;
  /** Aborted: no more is sent; what was sent is compared. */
  readonly signal: AbortSignal;
}

/** The ledger, or what it stands on, is not such that a load could be had from it. */
export class NoLoadPossible extends Error {
  override readonly name = 'NoLoadPossible';
}

const MS_PER_S = 1_000;
const MIB = 1024 * 1024;
const REACH_MS = 5_000;
/** How long the outcome of a command that was not answered is asked for. */
const DOUBT_MS = 120_000;
/** Tries of what prepares and compares. */
const PATIENT_MS = 60_000;

/** @throws LedgerUnreachable, NoLoadPossible, LedgerProblem, before the load begins. */
export async function runLoad(options: LoadOptions): Promise<Report> {
  const { url, access, amqpUrl, rps, durationS, warmUpS, users, seed, maxInFlight, timeoutMs, tolerated, signal } = options;
  await using opened = new AsyncDisposableStack();
  const run = `load-${randomBytes(6).toString('hex')}`;
  const steps = Math.ceil(rps * (warmUpS + durationS));
  const now = (): number => performance.now();
  await reach(url);

  const pool = opened.adopt(createPooledFetch({ connections: maxInFlight }), ({ close }) => close());
  const connection: ConnectionOptions = { url, fetch: pool.fetch, attemptTimeoutMs: timeoutMs };
  const patient = createLedgerClient({ ...connection, ...access, deadlineMs: PATIENT_MS });
  await checkAssets(patient);

  const metrics = makeLoadMetrics(rps);
  const recorder = makeRecorder({ tolerated, durationMs: durationS * MS_PER_S, now, onRecorded: metrics.onRecorded });
  let loop: OpenLoop | undefined;
  let loopStartedAt = 0;
  let stage = '';
  const line = opened.adopt(
    startLiveLine({ stream: options.progress, line: () => (loop === undefined ? stage : loopLine()) }),
    ({ stop }) => stop(),
  );
  metrics.watch({ inFlight: () => loop?.inFlight() ?? 0 });
  if (options.metricsPort !== undefined) line.say(`metrics: ${opened.use(await serveMetrics(metrics, options.metricsPort)).url}`);

  const books = makeBooks();
  const acknowledged = makeAcknowledged({ run, steps, stepsBefore: users });
  line.say(`seed ${seed}, run ${run}: ${users} users are registered at ${url}`);
  const people = await registerPeople({
    connection: { ...connection, retries: false },
    run,
    users,
    recorder,
    onRegistered: (registered) => {
      stage = `${registered} of ${users} users are registered`;
    },
  });
  await fundPeople({ people, operator: patient, run, steps, books, acknowledged });

  const producer =
    amqpUrl === undefined ? undefined : opened.adopt(createLedgerProducer({ amqpUrl, deadlineMs: timeoutMs }), ({ close }) => close());
  const performer = makePerformer({
    run,
    people,
    operator: createLedgerClient({ ...connection, ...access, retries: false }),
    producer,
    books,
    acknowledged,
    judge: makeJudge({ run, books, acknowledged }),
    commandOf: makeCommandMaker({ run, accountOf: people.account }),
    doubts: makeDoubts(DOUBT_MS),
    strands: makeStrands(),
    recorder,
    now,
    warmUpMs: warmUpS * MS_PER_S,
  });
  const lag = opened.adopt(sampleProjectionLag(url), ({ stop }) => stop());
  function loopLine(): string {
    const { count, p50Ms, p99Ms } = recorder.lately();
    const lagMs = lag.lastMs();
    const parts = [
      `${Math.round((now() - loopStartedAt) / MS_PER_S)} of ${warmUpS + durationS} s`,
      `${count} answers`,
      `p50 ${p50Ms.toFixed(1)} ms`,
      `p99 ${p99Ms.toFixed(1)} ms`,
      `${loop?.inFlight() ?? 0} in flight`,
      ...(lagMs === undefined ? [] : [`lag ${lagMs.toFixed(0)} ms`]),
      `${recorder.errors()} errors`,
    ];
    return parts.join(', ');
  }

  const cpuBefore = process.cpuUsage();
  loopStartedAt = now();
  loop = startOpenLoop({
    steps: planOf({ seed, users, rps, steps }),
    perform: performer.perform,
    onNotSent: performer.notSent,
    maxInFlight,
    clock: { now, sleep: (ms) => sleep(ms) },
    signal,
  });
  const logIns = keepLoggingIn(people, options, (error) => recorder.trouble('log-in', String(error)));
  await loop.done;
  const { user, system } = process.cpuUsage(cpuBefore);
  await logIns.stop();
  lag.stop();
  stage = 'what is not known yet is asked for';
  loop = undefined;
  await performer.settled();

  const reconciliation = await reconcile({
    operator: patient,
    accountIds: people.sessions.map(({ accountId }) => accountId),
    run,
    books,
    acknowledged,
    onProgress: (accounts) => {
      stage = `the books of ${accounts} of ${users} accounts are compared`;
    },
  });
  metrics.compared(reconciliation.differences.length);
  const { operations, aside } = operationReports(recorder, durationS);
  const visible = recorder.asideRows().find(({ operation }) => operation === 'visible');
  return {
    url,
    seed,
    run,
    rps,
    durationS,
    warmUpS,
    users,
    isOverAmqp: amqpUrl !== undefined,
    operations,
    aside,
    all: figuresOf(recorder.all),
    durable: figuresOf(recorder.durable),
    visible: figuresOrNone(visible?.histogram),
    projectionLag: figuresOrNone(lag.histogram),
    points: recorder.points(),
    errors: recorder.errors(),
    examples: recorder.examples(),
    reconciliation,
    client: {
      cpuMsPerRequest: (user + system) / MS_PER_S / steps,
      peakRssMiB: (process.resourceUsage().maxRSS * 1024) / MIB,
    },
  };
}

/** @throws LedgerUnreachable where nothing answers there, or what answers is not alive. */
async function reach(url: string): Promise<void> {
  try {
    const answer = await fetch(new URL('/health/live', url), { signal: AbortSignal.timeout(REACH_MS) });
    if (answer.ok) return;
  } catch (cause) {
    throw new LedgerUnreachable(`no ledger answers at ${url}`, { cause });
  }
  throw new LedgerUnreachable(`what answers at ${url} is not a ledger that is alive`);
}

/** The plan's amounts are at these scales. */
async function checkAssets(ledger: LedgerClient): Promise<void> {
  const scales = new Map<string, number>();
  for await (const { code, scale } of ledger.listAssets()) scales.set(code, scale);
  for (const [code, scale] of Object.entries(SCALES)) {
    if (scales.get(code) !== scale) throw new NoLoadPossible(`the ledger has no ${code} with ${scale} decimals`);
  }
}

/** Logs one user after another in again, beside the load. */
function keepLoggingIn(
  people: People,
  { logInEveryS, users }: Pick<LoadOptions, 'logInEveryS' | 'users'>,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  let user = 0;
  let last = Promise.resolve();
  const logIn = (): void => {
    last = last.then(() => people.logInAgain(user)).catch(onError);
    user = (user + 1) % users;
  };
  const timer = logInEveryS === 0 ? undefined : setInterval(logIn, logInEveryS * MS_PER_S);
  return {
    stop() {
      clearInterval(timer);
      return last;
    },
  };
}
