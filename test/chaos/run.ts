// `npm run chaos`: seed after seed, and at the end what really struck and what broke.
import { parseArgs } from 'node:util';
import { FAULT_KINDS, nameOfFault } from './fault-kinds.ts';
import type { SeedReport } from './seed-run.ts';
import { runSeed } from './seed-run.ts';
import type { ChaosStack } from './stack.ts';
import { startChaosStack } from './stack.ts';
import { takeoverName, WORKS } from './tenants.ts';

const USAGE = `npm run chaos -- [options]

  --seeds N     run so many seeds (default 10)
  --from N      from this one on (default 0)
  --seed N      run this one alone
  --verbose     say what goes on
  --seconds S   for how long clients work on each (default 3)
`;
/** After so many the stack is started anew: its log has grown, and the checker folds all of it. */
const SEEDS_A_STACK = 12;
/** At least one strike of each kind in so many seeds is asked for, of a run that is long enough for that to be no matter of luck. */
const SEEDS_A_STRIKE = 10;
const ENOUGH_SEEDS = 100;
/** How long a stack may take to come to rest. */
const RECOVERY_MS = 90_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const seconds = Number(values.seconds);
if (values.help || ![from, count, seconds].every((value) => Number.isFinite(value) && value >= 0)) {
  process.stderr.write(USAGE);
  process.exit(values.help ? 0 : 2);
}

/** What is not planned comes of what is: of two processes that could do a work, the other one takes it over. */
const planned = new Set(FAULT_KINDS.map(nameOfFault));
const strikes = new Map([...planned, ...WORKS.map(takeoverName)].map((name) => [name, { planned: 0, struck: 0 }]));
const outcomes = new Map<string, number>();
let commands = 0;
let reads = 0;
let done = 0;
let violations = 0;

function take({ seed, faults, history, tookMs, violations: found }: SeedReport): void {
  for (const { name, struck } of faults) {
    const counted = strikes.get(name);
    if (counted === undefined) throw new RangeError(`no fault is called ${name}`);
    if (planned.has(name)) counted.planned += 1;
    if (struck) counted.struck += 1;
  }
  for (const { outcome } of history.attempts) {
    const kind = 'code' in outcome ? `${outcome.kind} (${outcome.code})` : outcome.kind;
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
  }
  commands += history.attempts.length;
  reads += history.reads.length;
  violations += found.length;
  const struck = faults.filter((fault) => fault.struck).map(({ name }) => name);
  process.stderr.write(
    `seed ${seed}: ${history.attempts.length} commands, ${history.reads.length} reads, ${tookMs.join(' + ')} ms; ${struck.join(', ')}\n`,
  );
  for (const { name, detail } of found.slice(0, 20)) process.stdout.write(`seed ${seed}: ${name}: ${detail}\n`);
}

function tell(message: string): void {
  if (values.verbose) process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}

/** Being started, running, or being disposed of. */
let stack: Promise<ChaosStack> | undefined;
let isStopped = false;
const dispose = async (): Promise<void> => (await stack?.catch(() => undefined))?.[Symbol.asyncDispose](); // one that did not start has cleaned up
/** Whoever ends the run leaves no process and no mounted disk behind. */
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    isStopped = true;
    void dispose().finally(() => process.exit(130));
  });
const startedAt = performance.now();
try {
  for (; done < count && !isStopped; done += 1) {
    stack ??= startChaosStack();
    const running = await stack;
    if (isStopped) break;
    const before = violations;
    try {
      take(await runSeed(running, from + done, { seconds, recoveryMs: RECOVERY_MS, tell }));
    } catch (error) {
      if (isStopped) break;
      violations += 1;
      process.stdout.write(`seed ${from + done}: could not be judged: ${error instanceof Error ? error.stack : error}\n`);
    }
    // What is broken stays broken: the next seed would only be told so.
    if (violations === before && (done + 1) % SEEDS_A_STACK !== 0) continue;
    await dispose();
    stack = undefined;
  }
} finally {
  await dispose();
}
if (isStopped) process.exit(130);

const width = Math.max(...[...strikes.keys()].map((name) => name.length));
const lines = [...strikes].map(
  ([name, { planned: n, struck }]) => `${name.padEnd(width)}  ${String(struck).padStart(6)}  ${String(n).padStart(7)}`,
);
process.stdout.write(`\n${'fault'.padEnd(width)}  struck  planned\n${lines.join('\n')}\n\n`);
const told = [...outcomes].map(([kind, n]) => `${n} ${kind}`).join(', ');
process.stdout.write(`${commands} commands (${told}) and ${reads} reads in ${Math.round((performance.now() - startedAt) / 1_000)} s: `);
process.stdout.write(violations === 0 ? 'no violation\n' : `${violations} violations\n`);
// What hardly ever struck has shown nothing.
const rare = [...strikes].filter(([name, { struck }]) => planned.has(name) && struck < done / SEEDS_A_STRIKE).map(([name]) => name);
const isLongEnough = done >= ENOUGH_SEEDS;
if (isLongEnough && rare.length > 0) process.stdout.write(`struck less than once in ${SEEDS_A_STRIKE} seeds: ${rare.join(', ')}\n`);
process.exit(violations === 0 && !(isLongEnough && rare.length > 0) ? 0 : 1);
