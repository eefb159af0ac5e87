import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { BenchOptions } from '../../bench/compare/run.ts';
import { ConfigError } from '../config.ts';
import { exitCodes } from './exit-codes.ts';
import { onInterruption } from './interruption.ts';

type BenchArguments = Omit<BenchOptions, 'signal'>;

/** `ledger bench`: the ledger against a plain Postgres ledger, in turns, on this machine. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('measure this ledger against a plain Postgres ledger, in turns, with servers of their own; about half an hour')
    .option('--quick', 'a first look, in a minute or two: 64 clients, short slices')
    .option('--only <spreads>', 'how commands spread over accounts: uniform, zipf, hot; separated by commas', list)
    .option(
      '--ways <ways>',
      'plain, in-process, rabbitmq, rabbitmq-async; two-processes, amqp, before, before-rabbitmq; separated by commas (default: the first four)',
      list,
    )
    .option('--clients <counts>', 'clients at a time, separated by commas (default: 1,16,64,256)', counts)
    .option('--accounts <count>', 'how many accounts there are (default: 1000)', count)
    .option('--rounds <count>', 'how often each way has its turn', count)
    .option('--seconds <count>', 'how long a turn is', count)
    .option('--before <checkout>', 'another checkout, whose ledger is measured in the ways before and before-rabbitmq')
    .option('--profile <folder>', 'have Node write there what the processes spent their time on')
    .option('--json', 'print JSON')
    .action(bench);
}

async function bench(options: BenchArguments): Promise<void> {
  // What measures stands beside the source, and is no part of an image or package.
  if (!existsSync(join(import.meta.dirname, '../../bench/compare'))) throw new ConfigError(['bench runs in a checkout of the source only']);
  const { runBench } = await import('../../bench/compare/run.ts');
  const abort = new AbortController();
  const stopListening = onInterruption(
    (signal) => {
      process.stderr.write(`\n${signal}: stopping the servers\n`);
      abort.abort(new Error('interrupted'));
    },
    () => process.exit(exitCodes.interrupted),
  );
  try {
    await runBench({ ...options, signal: abort.signal });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    process.exitCode = exitCodes.interrupted;
  } finally {
    stopListening();
  }
}

const list = (text: string): readonly string[] => text.split(',').map((word) => word.trim());
const counts = (text: string): readonly number[] => list(text).map(count);

function count(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new InvalidArgumentError('Give whole numbers from 1 on.');
  return Number(text);
}
