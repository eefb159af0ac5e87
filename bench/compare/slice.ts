// A slice of the comparison: some seconds of one way's commands, closed loop.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Histogram } from 'hdr-histogram-js';
import { latencyHistogram, recordMs } from '../eventstore/measure.ts';
import { processorTimesMs } from './processor-time.ts';
import type { Spread } from './spreads.ts';
import { makeDraw } from './spreads.ts';
import type { Stack } from './stacks.ts';
import type { Watch, Way } from './ways.ts';
import { openWatch } from './ways.ts';

export interface SliceOptions {
  readonly way: Way;
  readonly stack: Stack;
  readonly spread: Spread;
  readonly clients: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

export interface Slice {
  readonly commands: number;
  /** From the first command until queries see the last one. */
  readonly seconds: number;
  /** Of answers, in µs. */
  readonly answered: Histogram;
  /** Until a query sees what a command did, in µs; of one more client, that sends one now and then. */
  readonly visible: Histogram;
  /** By process, of the whole slice, with what follows on the last command. */
  readonly processorMs: Readonly<Record<string, number>>;
}

/** How often the one more client asks: seldom enough to cost nothing. */
const PROBE_EVERY_MS = 50;
const LOOK_EVERY_MS = 10;
/** After each slice, for what goes on behind the projections: publishing events, signing the log. */
const REST_MS = 400;

export async function runSlice({ way, stack, spread, clients, warmUpMs, durationMs, seed, signal }: SliceOptions): Promise<Slice> {
  await using opened = new AsyncDisposableStack();
  const watch = opened.adopt(await openWatch(stack), ({ close }) => close());
  const senders = opened.adopt(
    await way.openClients(stack, clients),
    async (all) => void (await Promise.all(all.map(({ close }) => close()))),
  );
  const draws = senders.map((_, index) => makeDraw(spread, stack.accounts.length, seed * 1_000 + index));

  /** Keeps every client busy, for so long. @returns how many commands were answered */
  async function load(forMs: number, answered: Histogram): Promise<number> {
    const until = performance.now() + forMs;
    let commands = 0;
    await Promise.all(
      senders.map(async (sender, index) => {
        const draw = draws[index];
        if (draw === undefined) return;
        for (let before = performance.now(); before < until && !signal.aborted; before = performance.now()) {
          await sender.send(stack.accounts[draw()] ?? '');
          recordMs(answered, performance.now() - before);
          commands += 1;
        }
      }),
    );
    signal.throwIfAborted();
    return commands;
  }

  const start = await watch.projectedEvents();
  const warmedUp = await load(warmUpMs, latencyHistogram());
  await caughtUp(watch, start, warmedUp, signal);

  const [answered, visible] = [latencyHistogram(), latencyHistogram()];
  const processorBefore = processorTimesMs(stack.processes);
  const events = await watch.projectedEvents();
  const startedAt = performance.now();
  const probing = way.answers === 'durable' ? probe(watch, stack, startedAt + durationMs, visible, signal) : Promise.resolve(0);
  const [commands, probes] = await Promise.all([load(durationMs, answered), probing]);
  await caughtUp(watch, events, commands + probes, signal);
  const seconds = (performance.now() - startedAt) / 1000;
  await sleep(REST_MS);
  const processorAfter = processorTimesMs(stack.processes);
  const processorMs = Object.fromEntries(Object.entries(processorAfter).map(([name, ms]) => [name, ms - (processorBefore[name] ?? 0)]));
  return { commands: commands + probes, seconds, answered, visible, processorMs };
}

/** @returns how many commands it sent. */
async function probe(watch: Watch, { accounts }: Stack, until: number, visible: Histogram, signal: AbortSignal): Promise<number> {
  let probes = 0;
  for (; performance.now() < until && !signal.aborted; probes += 1) {
    recordMs(visible, await watch.timeToVisibleMs(accounts[probes % accounts.length] ?? ''));
    await sleep(PROBE_EVERY_MS);
  }
  return probes;
}

/** Waits until queries see so many events more than there were. */
async function caughtUp(watch: Watch, before: number | undefined, commands: number, signal: AbortSignal): Promise<void> {
  if (before === undefined) return;
  for (;;) {
    signal.throwIfAborted();
    const now = await watch.projectedEvents();
    if (now === undefined || now >= before + commands) return;
    await sleep(LOOK_EVERY_MS);
  }
}
