// The options of the command line, checked.
import { Command, InvalidArgumentError, Option } from 'commander';
import type { LoadOptions } from './load.ts';
import type { Trouble } from './outcomes.ts';
import { TOLERABLE } from './outcomes.ts';
import { warmUpOf } from './pace.ts';

export type CommandLine = Omit<LoadOptions, 'seed' | 'progress' | 'signal'> & {
  /** None: one is drawn. */
  readonly seed: string | undefined;
  readonly json: boolean;
  /** A file for the chart. */
  readonly chart: string | undefined;
};

function numberFrom(least: number, most: number) {
  return (text: string): number => {
    const number = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || number < least || number > most)
      throw new InvalidArgumentError(`Give a number from ${least} to ${most}.`);
    return number;
  };
}
function wholeFrom(least: number, most: number) {
  const read = numberFrom(least, most);
  return (text: string): number => {
    const number = read(text);
    if (!Number.isInteger(number)) throw new InvalidArgumentError('Give a whole number.');
    return number;
  };
}
function urlOf(...protocols: readonly string[]) {
  return (text: string): string => {
    if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol))
      throw new InvalidArgumentError(`Give a URL beginning ${protocols.map((protocol) => `${protocol}//`).join(' or ')}.`);
    return text.replace(/\/+$/, '');
  };
}

interface Given {
  readonly url: string;
  readonly operatorToken?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly amqp?: string;
  readonly rps: number;
  readonly duration: number;
  readonly warmUp?: number;
  readonly overload?: number;
  readonly overloadFor: number;
  readonly usualWithin?: number;
  readonly users: number;
  readonly seed?: string;
  readonly maxInFlight?: number;
  readonly timeout: number;
  readonly logInEvery: number;
  readonly tolerate: readonly Trouble[];
  readonly metricsPort?: number;
  readonly json?: boolean;
  readonly chart?: string;
}

const MS_PER_S = 1_000;
const MOST_IN_FLIGHT = 1_000;
/** More than a service lets in, so that it is the service which refuses. */
const MOST_IN_OVERLOAD = 5_000;

function commandOf(): Command {
  return new Command('ledgerfold-load')
    .description('load for a ledger, from outside, with books of its own that are compared at the end')
    .addOption(new Option('--url <url>', 'where the ledger is').argParser(urlOf('http:', 'https:')).makeOptionMandatory())
    .addOption(new Option('--operator-token <token>', "an operator's access token").env('LEDGER_TOKEN').conflicts('clientId'))
    .addOption(new Option('--client-id <id>', 'of a client with the role operator').env('LEDGER_CLIENT_ID'))
    .addOption(new Option('--client-secret <secret>', 'its secret').env('LEDGER_CLIENT_SECRET'))
    .addOption(
      new Option('--amqp <url>', 'a broker: half of what a producer may send goes there')
        .env('LEDGER_LOAD_AMQP_URL')
        .argParser(urlOf('amqp:', 'amqps:')),
    )
    .option('--rps <number>', 'requests a second', numberFrom(0.1, 100_000), 100)
    .option('--duration <seconds>', 'how long is measured', numberFrom(1, 86_400), 60)
    .option('--warm-up <seconds>', 'over how long the rate rises before that (default: 5 to 30, by the rate)', numberFrom(0, 3_600))
    .option(
      '--overload <number>',
      'after that, so many requests a second, and refusals are right; then the usual rate',
      numberFrom(0.1, 100_000),
    )
    .option('--overload-for <seconds>', 'how long', numberFrom(1, 3_600), 30)
    .option('--usual-within <ms>', 'what counts as usual after it (default: twice the p99 of before)', numberFrom(1, 600_000))
    .option('--users <number>', 'users, registered for this run', wholeFrom(2, 100_000), 100)
    .option('--seed <text>', 'makes the same plan again (default: another one each time)')
    .option(
      '--max-in-flight <number>',
      'requests under way; what is beyond is an error (default: 1000, 5000 in an overload)',
      wholeFrom(1, 100_000),
    )
    .option('--timeout <seconds>', 'how long one request may take', numberFrom(0.1, 600), 10)
    .option('--log-in-every <seconds>', 'a log-in now and then, beside the plan; 0: none', numberFrom(0, 86_400), 10)
    .addOption(
      new Option('--tolerate <what...>', 'no errors: refusals for overload, outcomes that had to be asked for')
        .choices(TOLERABLE)
        .default([]),
    )
    .option('--metrics-port <port>', 'serves /metrics while it runs; 0: any free one', wholeFrom(0, 65_535))
    .option('--chart <file>', 'writes a chart as SVG')
    .option('--json', 'print JSON')
    .exitOverride();
}

/** @throws CommanderError, after it has said what is wrong. */
export function loadOptionsFrom(argv: readonly string[]): CommandLine {
  const command = commandOf();
  const given = command.parse([...argv]).opts<Given>();
  return {
    url: given.url,
    access: accessOf(given, command),
    amqpUrl: given.amqp,
    rps: given.rps,
    durationS: given.duration,
    warmUpS: given.warmUp ?? warmUpOf(given.rps),
    overload:
      given.overload === undefined ? undefined : { rps: given.overload, durationS: given.overloadFor, usualWithinMs: given.usualWithin },
    users: given.users,
    seed: given.seed,
    maxInFlight: given.maxInFlight ?? (given.overload === undefined ? MOST_IN_FLIGHT : MOST_IN_OVERLOAD),
    timeoutMs: given.timeout * MS_PER_S,
    logInEveryS: given.logInEvery,
    tolerated: new Set(given.tolerate),
    metricsPort: given.metricsPort,
    json: given.json === true,
    chart: given.chart,
  };
}

function accessOf({ operatorToken, clientId, clientSecret }: Given, command: Command): LoadOptions['access'] {
  if (operatorToken !== undefined) return { token: operatorToken };
  if (clientId !== undefined && clientSecret !== undefined) return { credentials: { clientId, clientSecret } };
  return command.error("error: give an operator's access token (--operator-token, LEDGER_TOKEN), or --client-id and --client-secret");
}
