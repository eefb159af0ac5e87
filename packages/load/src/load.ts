// A run: people, plan, load, comparison, report.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions, Credentials, Fetch, LedgerClient } from '@ledgerfold/client';
import { createLedgerClient, createLedgerProducer, createPooledFetch, LedgerUnreachable } from '@ledgerfold/client';
import { makeAcknowledged } from './acknowledged.ts';
import { makeBooks } from './books.ts';
import { makeCommandMaker } from './commands.ts';
import { makeDoubts } from './doubts.ts';
import { makeJudge } from './judge.ts';
import { watchLedgerMetrics } from './ledger-metrics.ts';
import { startLiveLine } from './live-line.ts';
import { makeLoadMetrics, serveMetrics } from './metrics.ts';
import { SCALES } from './money.ts';
import type { OpenLoop } from './open-loop.ts';
import { startOpenLoop } from './open-loop.ts';
import type { Tolerated } from './outcomes.ts';
import type { Overload } from './pace.ts';
import { LONGEST_RECOVERY_S, makePace } from './pace.ts';
import { makeParts } from './parts.ts';
import type { People } from './people.ts';
import { fundPeople, registerPeople } from './people.ts';
import { makePerformer } from './performer.ts';
import { planOf } from './plan.ts';
import { reconcile } from './reconcile.ts';
import { makeRecorder } from './recorder.ts';
import type { Report } from './report.ts';
import { figuresOf, figuresOrNone, operationReports, overloadReport } from './report.ts';
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
  /** Before what is measured the rate rises, for so long; booked and compared like everything else. */
  readonly warmUpS: number;
  /** After what is measured; then the rate is the usual one until answers are as usual again. */
  readonly overload?: Overload | undefined;
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
  const { url, access, amqpUrl, rps, durationS, warmUpS, overload, users, seed, maxInFlight, timeoutMs, tolerated, signal } = options;
  await using opened = new AsyncDisposableStack();
  const run = `load-${randomBytes(6).toString('hex')}`;
  const pace = makePace({ rps, warmUpS, durationS, overload });
  const { steps } = pace;
  const now = (): number => performance.now();
  await reach(url);

  const pool = opened.adopt(createPooledFetch({ connections: maxInFlight }), ({ close }) => close());
  const connection: ConnectionOptions = { url, fetch: pool.fetch, attemptTimeoutMs: timeoutMs };
  const patient = createLedgerClient({ ...connection, ...access, deadlineMs: PATIENT_MS });
  await checkAssets(patient);

  const metrics = makeLoadMetrics();
  const recorder = makeRecorder({ tolerated, durationMs: pace.durationMs, now, onRecorded: metrics.onRecorded });
  let loop: OpenLoop | undefined;
  let loopStartedAt = 0;
  let stage = '';
  const line = opened.adopt(
    startLiveLine({ stream: options.progress, line: () => (loop === undefined ? stage : loopLine()) }),
    ({ stop }) => stop(),
  );
  const isOver = new AbortController();
  const parts = makeParts({ pace, usualWithinMs: overload?.usualWithinMs, recorder, onRecovered: () => isOver.abort() });
  metrics.watch({
    inFlight: () => loop?.inFlight() ?? 0,
    targetRps: () => (overload !== undefined && parts.current() === 'overload' ? overload.rps : rps),
  });
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
    parts,
    now,
  });
  const ledger = opened.adopt(watchLedgerMetrics(url, parts.current), ({ stop }) => stop());
  function loopLine(): string {
    const { count, p50Ms, p99Ms } = recorder.lately();
    const lagMs = ledger.lagNowMs();
    const said = [
      `${parts.current()}, ${Math.round((now() - loopStartedAt) / MS_PER_S)} of ${overload === undefined ? '' : 'at most '}${pace.durationMs / MS_PER_S} s`,
      `${count} answers`,
      `p50 ${p50Ms.toFixed(1)} ms`,
      `p99 ${p99Ms.toFixed(1)} ms`,
      `${loop?.inFlight() ?? 0} in flight`,
      ...(lagMs === undefined ? [] : [`lag ${lagMs.toFixed(0)} ms`]),
      `${recorder.errors()} errors`,
    ];
    return said.join(', ');
  }

  if (overload !== undefined) await openConnections(pool.fetch, url, maxInFlight);
  const cpuBefore = process.cpuUsage();
  loopStartedAt = now();
  loop = startOpenLoop({
    steps: planOf({ seed, users, rps: Math.max(rps, overload?.rps ?? 0), steps, dueMs: pace.dueMs }),
    perform: performer.perform,
    onBegun: parts.begun,
    onNotSent: performer.notSent,
    maxInFlight,
    waiting: performer.waiting,
    clock: { now, sleep: (ms) => sleep(ms) },
    signal: AbortSignal.any([signal, isOver.signal]),
  });
  // In an overload a log-in may be refused like everything else, and says nothing.
  const isUsual = (): boolean => parts.current() === 'warm-up' || parts.current() === 'measured';
  const logIns = keepLoggingIn(people, options, isUsual, (error) => recorder.trouble('log-in', String(error)));
  await loop.done;
  const { user, system } = process.cpuUsage(cpuBefore);
  await logIns.stop();
  await ledger.stop();
  if (overload !== undefined && parts.recoveredMs() === undefined && !signal.aborted)
    recorder.trouble(
      'recovery',
      `answers are not as usual again (${parts.usualMs().toFixed(0)} ms) ${LONGEST_RECOVERY_S} s after the overload`,
    );
  stage = 'what is not known yet is asked for';
  const begun = loop.begun();
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
    projectionLag: ledger.lag('measured'),
    ledgerMemory: ledger.memory('measured'),
    overload: overload === undefined ? null : overloadReport(overload, recorder, parts, ledger),
    points: recorder.points(),
    errors: recorder.errors(),
    examples: recorder.examples(),
    reconciliation,
    client: {
      cpuMsPerRequest: (user + system) / MS_PER_S / begun,
      lateness: figuresOf(parts.lateness('measured')),
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

/**
 * Opens connections that are then kept, as those of a balancer are: what is tried is how a service refuses requests, and a Node server
 * that is busy accepts connections one at a time.
 */
async function openConnections(fetchPooled: Fetch, url: string, connections: number): Promise<void> {
  const opening = { method: 'GET', headers: {}, signal: AbortSignal.timeout(PATIENT_MS) } as const;
  // Where it cannot have so many, the load itself will say what came of it.
  await Promise.allSettled(Array.from({ length: connections }, () => fetchPooled(new URL('/health/live', url).href, opening)));
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
  isMeant: () => boolean,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  let user = 0;
  let last = Promise.resolve();
  const logIn = (): void => {
    if (!isMeant()) return;
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
