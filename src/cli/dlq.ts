import { Command, InvalidArgumentError } from 'commander';
import { readEnv } from '../config.ts';
import type { Chosen, DeadLetter, DeadLetters } from '../consumers/dead-letters.ts';
import { makeDeadLetters } from '../consumers/dead-letters.ts';
import { findBroker } from './broker.ts';
import { onProgress } from './output.ts';
import { oneLine, printable } from './printable.ts';

/** What was asked for cannot be meant: no such dead letter, nothing chosen, or not confirmed with `--yes`. */
export class DlqMisuse extends Error {
  override readonly name = 'DlqMisuse';
}

interface Choice {
  readonly all?: true;
  readonly json?: true;
  readonly yes?: true;
}

/** `ledger dlq`: the dead letters, commands that no retry could help: see docs/operations.md. */
export function dlqCommand(): Command {
  return new Command('dlq')
    .description('look after the dead letters: commands that could not be understood, or were not allowed')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(redriveCommand())
    .addCommand(dropCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('list them, oldest first')
    .option('--limit <number>', 'at most so many', wholeNumber, 100)
    .option('--json', 'print JSON')
    .action(({ limit, json }: { limit: number; json?: true }) =>
      withDeadLetters(async (letters) => {
        const count = await letters.count();
        const listed = await letters.list(limit);
        if (json) print(JSON.stringify({ count, deadLetters: listed }));
        else for (const letter of listed) print(lineOf(letter));
        const untold = count - listed.length;
        if (untold > 0) process.stderr.write(`${untold} more\n`);
        if (count === 0) process.stderr.write('There are no dead letters.\n');
      }),
    );
}

function showCommand(): Command {
  return new Command('show')
    .description('show one of them: why it is there, its headers and its body')
    .argument('<id>', 'as `list` prints it')
    .option('--json', 'print JSON')
    .action((id: string, { json }: { json?: true }) =>
      withDeadLetters(async (letters) => {
        const letter = (await letters.list(Number.POSITIVE_INFINITY)).find((one) => one.id === id);
        if (letter === undefined) throw new DlqMisuse(`there is no dead letter ${id}`);
        print(json ? JSON.stringify(letter) : described(letter));
      }),
    );
}

function described({ body, headers, ...rest }: DeadLetter): string {
  const own = Object.entries(rest).map(([name, value]) => `${name.padEnd(9)}  ${shown(value)}`);
  const others = Object.entries(headers).map(([name, value]) => `header     ${oneLine(name)}: ${shown(value)}`);
  return [...own, ...others, '', printable(body)].join('\n');
}

function redriveCommand(): Command {
  return new Command('redrive')
    .description('send them again as commands, oldest first, for those who sent them')
    .argument('[ids...]', 'as `list` prints them')
    .option('--all', 'all that there are now')
    .option('--json', 'print JSON')
    .action((ids: string[], options: Choice) =>
      withDeadLetters(async (letters) => {
        const sent = await letters.redrive(await chosen(letters, ids, options));
        report('redriven', sent, options);
      }),
    );
}

function dropCommand(): Command {
  return new Command('drop')
    .description('delete them for good')
    .argument('[ids...]', 'as `list` prints them')
    .option('--all', 'all that there are now')
    .option('--yes', 'they are to be deleted')
    .option('--json', 'print JSON')
    .action((ids: string[], options: Choice) => {
      if (options.yes === undefined) throw new DlqMisuse('this deletes messages for good: say --yes');
      return withDeadLetters(async (letters) => {
        const dropped = await letters.drop(await chosen(letters, ids, options));
        report('dropped', dropped, options);
      });
    });
}

async function withDeadLetters(use: (letters: DeadLetters) => Promise<void>): Promise<void> {
  await using broker = await findBroker(readEnv(process.env), onProgress);
  await Promise.race([use(makeDeadLetters(broker.connection)), broker.lost]);
}

/** @throws DlqMisuse where an id names none, before anything is done with the others. */
async function chosen(letters: DeadLetters, ids: readonly string[], { all }: Choice): Promise<Chosen> {
  if (all === true && ids.length === 0) return 'all';
  if (all === true || ids.length === 0) throw new DlqMisuse('say which: their ids, or --all');
  const existing = new Set((await letters.list(Number.POSITIVE_INFINITY)).map(({ id }) => id));
  const missing = ids.filter((id) => !existing.has(id));
  if (missing.length > 0) throw new DlqMisuse(`there is no dead letter ${missing.join(', ')}`);
  return new Set(ids);
}

function report(what: 'redriven' | 'dropped', letters: readonly DeadLetter[], { json }: Choice): void {
  if (json) print(JSON.stringify({ [what]: letters.map(({ id }) => id) }));
  else for (const letter of letters) print(lineOf(letter));
  process.stderr.write(`${letters.length} ${what}\n`);
}

const lineOf = ({ id, reason, type, key, accountId, detail }: DeadLetter): string =>
  [id, reason, type ?? '-', accountId, key ?? '-', detail].map(oneLine).join('  ');

const shown = (value: unknown): string => (value === undefined ? '-' : oneLine(typeof value === 'string' ? value : JSON.stringify(value)));

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number, one or more.');
  return Number(text);
}
