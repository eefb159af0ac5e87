import { Argument, Command } from 'commander';
import { beancountLedger } from '../audit/export-beancount.ts';
import type { BookFormat } from '../audit/export-bookings.ts';
import { exportBooks } from '../audit/export-bookings.ts';
import { csvTable } from '../audit/export-csv.ts';
import { exportLog } from '../audit/export-format.ts';
import { hledgerJournal } from '../audit/export-hledger.ts';
import { positionArgument } from './arguments.ts';
import { chainSigner } from './chain.ts';
import { openLog, openTools } from './log-tools.ts';
import { print } from './output.ts';
import { tellReading } from './reading-progress.ts';

/** hledger reads files as its locale says; who exports is taken to have the same. */
const { LC_ALL, LC_CTYPE, LANG } = process.env;
const isUtf8 = /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');

const BOOK_FORMATS: ReadonlyMap<string, BookFormat> = new Map([
  ['hledger', hledgerJournal({ isAscii: !isUtf8 })],
  ['beancount', beancountLedger],
  ['csv', csvTable],
]);

/** `ledger export`: all the books, as other programs read them; or the log itself, signed. */
export function exportCommand(): Command {
  return new Command('export')
    .description('write all the books to stdout, out of the log; jsonl is the log itself, signed, for `ledger chain verify FILE`')
    .addArgument(new Argument('<format>', 'what it is to be').choices([...BOOK_FORMATS.keys(), 'jsonl']))
    .option('--to <position>', 'up to this position in the log, itself included; default: to its end', positionArgument)
    .action((name: string, { to }: { to?: bigint }) => {
      const format = BOOK_FORMATS.get(name);
      return format === undefined ? exportSignedLog(to) : exportInFormat(format, to);
    });
}

async function exportInFormat(format: BookFormat, to: bigint | undefined): Promise<void> {
  await using tools = await openLog();
  const { store, onProgress } = tools;
  const until = to ?? (await store.log.end()) ?? 0n;
  await print(exportBooks(store, format, { until, onProgress: tellReading(onProgress) }));
  onProgress(`the books up to position ${until}`);
}

async function exportSignedLog(until: bigint | undefined): Promise<void> {
  await using tools = await openTools('export');
  const { database, store, onProgress } = tools;
  const signer = await chainSigner(tools);
  await print(withLineBreaks(exportLog({ db: database.db, store, signer, until, onProgress: tellReading(onProgress) })));
}

async function* withLineBreaks(batches: AsyncIterable<readonly string[]>): AsyncGenerator<string, void, undefined> {
  for await (const lines of batches) for (const line of lines) yield `${line}\n`;
}
