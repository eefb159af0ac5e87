// One run of `ledger bench`: what is asked for, measured, shown as it comes, and kept as JSON and as a chart.
import { writeFileSync } from 'node:fs';
import { ConfigError } from '../../src/config.ts';
import { machine, save } from '../eventstore/report.ts';
import { chartOf } from './chart.ts';
import { compare } from './compare.ts';
import { SPREADS } from './spreads.ts';
import { processorRow, tableHead, tableRow } from './table.ts';
import { WAYS } from './ways.ts';

/** As asked for on the command line; what is not has its default. */
export interface BenchOptions {
  readonly quick?: boolean;
  readonly only?: readonly string[];
  readonly ways?: readonly string[];
  readonly clients?: readonly number[];
  readonly accounts?: number;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly before?: string;
  readonly profile?: string;
  /** Print the report as JSON instead of a table. */
  readonly json?: boolean;
  readonly signal: AbortSignal;
}

const THOROUGH = { clients: [1, 16, 64, 256], rounds: 4, seconds: 5 };
const QUICK = { clients: [64], rounds: 2, seconds: 3 };
/** Before each slice. */
const WARM_UP_MS = 500;

/** Measures and prints. @throws {ConfigError} for what there is none of. */
export async function runBench({ json = false, quick = false, signal, ...asked }: BenchOptions): Promise<void> {
  const usual = quick ? QUICK : THOROUGH;
  const { clients = usual.clients, rounds = usual.rounds, seconds = usual.seconds, accounts = 1_000 } = asked;
  const ways = chosen('--ways', asked.ways ?? WAYS.filter(({ isUsual }) => isUsual).map(({ name }) => name), WAYS, ({ name }) => name);
  const spreads = chosen('--only', asked.only ?? SPREADS, SPREADS, (name) => name);

  const about = machine();
  const where = `${about.cores} cores (${about.cpu}), ${about.memoryGiB} GiB, Node ${about.node}; clients, ledgers, stores and broker on the same machine, durable`;
  const print = (line: string): void => {
    if (!json) process.stdout.write(`${line}\n`);
  };
  print(`${accounts} accounts, ${rounds} rounds of ${seconds} s; ${where}\n\n${tableHead}`);
  const results = await compare({
    spreads,
    clients,
    ways,
    accounts,
    rounds,
    sliceMs: 1000 * seconds,
    warmUpMs: WARM_UP_MS,
    ...(asked.before !== undefined && { before: asked.before }),
    ...(asked.profile !== undefined && { profileTo: asked.profile }),
    signal,
    onProgress: (message) => process.stderr.write(`${message}\n`),
    onResult: (result) => print(tableRow(result)),
  });
  const report = { at: new Date().toISOString(), machine: about, accounts, rounds, seconds, results };
  const file = save('compare', report);
  const chart = file.replace(/\.json$/, '.svg');
  writeFileSync(chart, chartOf(results, where));
  print(`\nprocessor time of a command, in µs\n${results.map(processorRow).join('\n')}\n\n${file}\n${chart}`);
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

/** Those of all that are named, in their own order. */
function chosen<One>(option: string, names: readonly string[], all: readonly One[], nameOf: (one: One) => string): readonly One[] {
  const known = new Set(all.map(nameOf));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) throw new ConfigError([`${option} ${unknown.join(',')} must be some of ${[...known].join(', ')}`]);
  return all.filter((one) => names.includes(nameOf(one)));
}
