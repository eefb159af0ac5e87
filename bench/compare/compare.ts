// The comparison: every way under the same load, in turns, so that whatever else the machine does meets all of them alike.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { latencyHistogram } from '../eventstore/measure.ts';
import type { Slice } from './slice.ts';
import { runSlice } from './slice.ts';
import type { Spread } from './spreads.ts';
import type { Stack } from './stacks.ts';
import { STACKS, startStack } from './stacks.ts';
import type { Way } from './ways.ts';

export interface CompareOptions {
  readonly spreads: readonly Spread[];
  readonly clients: readonly number[];
  readonly ways: readonly Way[];
  readonly accounts: number;
  readonly rounds: number;
  readonly sliceMs: number;
  readonly warmUpMs: number;
  readonly before?: string;
  readonly profileTo?: string;
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
  readonly onResult: (result: Result) => void;
}

/** One way under one load, over all rounds. Latencies in ms. */
export interface Result {
  readonly spread: Spread;
  readonly clients: number;
  readonly way: string;
  readonly title: string;
  readonly answers: Way['answers'];
  readonly commandsPerSecond: number;
  /** Its rate by the plain ledger's in the same round: median and extremes; absent where the plain ledger was left out. */
  readonly timesPlain?: { readonly median: number; readonly least: number; readonly most: number };
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Until a query sees it; absent where that was not asked for. */
  readonly visibleP50Ms?: number;
  readonly visibleP99Ms?: number;
  /** Processor time of a command, in µs, by process. */
  readonly processorUs: Readonly<Record<string, number>>;
}

/** What every stack is given before anything is measured, for code to be compiled and caches to fill. */
const FIRST_WARM_UP = { clients: 32, durationMs: 3_000 };

/** Measures, and gives the results in the order in which they came. Leaves nothing running. */
export async function compare(options: CompareOptions): Promise<readonly Result[]> {
  const { accounts, ways, signal, onProgress } = options;
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'ledger-bench-'));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const stacks = new Map<string, Stack>();
  for (const name of STACKS) {
    if (!ways.some(({ stack }) => stack === name)) continue;
    signal.throwIfAborted();
    onProgress(`starting ${name}, opening ${accounts} accounts`);
    const { before, profileTo } = options;
    const further = { ...(before !== undefined && { before }), ...(profileTo !== undefined && { profileTo }) };
    stacks.set(
      name,
      opened.adopt(await startStack({ name, folder, accounts, ...further }), ({ stop }) => stop()),
    );
  }
  const slice = async (way: Way, load: Pick<Parameters<typeof runSlice>[0], 'spread' | 'clients' | 'warmUpMs' | 'durationMs' | 'seed'>) => {
    const stack = stacks.get(way.stack);
    if (stack === undefined) throw new Error(`${way.stack} was not started`);
    return runSlice({ ...load, way, stack, signal });
  };
  for (const way of ways) {
    onProgress(`warming up ${way.title}`);
    await slice(way, { ...FIRST_WARM_UP, spread: 'uniform', warmUpMs: 0, seed: 0 });
  }

  const results: Result[] = [];
  for (const spread of options.spreads) {
    for (const clients of options.clients) {
      const rounds: Map<string, Slice>[] = [];
      for (let round = 0; round < options.rounds; round += 1) {
        onProgress(`${spread}, ${clients} clients, round ${round + 1} of ${options.rounds}`);
        const load = { spread, clients, warmUpMs: options.warmUpMs, durationMs: options.sliceMs, seed: round + 1 };
        const slices = new Map<string, Slice>();
        // There and back: who comes first has no advantage of it.
        for (const way of round % 2 === 0 ? ways : ways.toReversed()) slices.set(way.name, await slice(way, load));
        rounds.push(slices);
      }
      for (const way of ways) {
        const result = resultOf(way, spread, clients, rounds);
        options.onResult(result);
        results.push(result);
      }
    }
  }
  return results;
}

const rateOf = ({ commands, seconds }: Slice): number => commands / seconds;
const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

function resultOf(way: Way, spread: Spread, clients: number, rounds: readonly ReadonlyMap<string, Slice>[]): Result {
  const slices = rounds.flatMap((round) => round.get(way.name) ?? []);
  const commands = sumOf(slices.map((slice) => slice.commands));
  const [answered, visible] = [latencyHistogram(), latencyHistogram()];
  for (const slice of slices) {
    answered.add(slice.answered);
    visible.add(slice.visible);
  }
  const ratios = rounds
    .flatMap((round) => {
      const [own, plain] = [round.get(way.name), round.get('plain')];
      return own && plain ? [rateOf(own) / rateOf(plain)] : [];
    })
    .toSorted((a, b) => a - b);
  const [least, most, median] = [ratios.at(0), ratios.at(-1), medianOf(ratios)];
  const ms = (of: typeof answered, percentile: number): number => of.getValueAtPercentile(percentile) / 1_000;
  const names = Object.keys(slices[0]?.processorMs ?? {});
  return {
    spread,
    clients,
    way: way.name,
    title: way.title,
    answers: way.answers,
    commandsPerSecond: commands / sumOf(slices.map(({ seconds }) => seconds)),
    ...(least !== undefined && most !== undefined && { timesPlain: { median, least, most } }),
    p50Ms: ms(answered, 50),
    p99Ms: ms(answered, 99),
    ...(visible.totalCount > 0 && { visibleP50Ms: ms(visible, 50), visibleP99Ms: ms(visible, 99) }),
    processorUs: Object.fromEntries(
      names.map((name) => [name, (1_000 * sumOf(slices.map(({ processorMs }) => processorMs[name] ?? 0))) / commands]),
    ),
  };
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  return sumOf(middle) / middle.length;
}
