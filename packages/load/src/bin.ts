#!/usr/bin/env node
// The command line: options, the run, what is printed, and the exit code.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { LedgerUnreachable } from '@ledgerfold/client';
import { CommanderError } from 'commander';
import { chartOf } from './chart.ts';
import { runLoad } from './load.ts';
import { loadOptionsFrom } from './options.ts';
import { isClean } from './report.ts';
import { tableOf } from './table.ts';

/** The same as those of the ledger's own command line. */
const EXIT = { clean: 0, notClean: 1, wrongUse: 2, outOfReach: 3, interrupted: 130 } as const;

const interruption = new AbortController();
let interruptedAt: number | undefined;
/** A terminal's Ctrl-C may come twice: from it, and from whoever started this. */
const ECHO_MS = 1_000;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruptedAt !== undefined && performance.now() - interruptedAt > ECHO_MS) process.exit(EXIT.interrupted);
    interruptedAt ??= performance.now();
    process.stderr.write('\nno more is sent; what was sent is compared (once more: stop at once)\n');
    interruption.abort();
  });
}

try {
  const { json, chart, ...options } = loadOptionsFrom(process.argv);
  const report = await runLoad({
    ...options,
    seed: options.seed ?? randomBytes(4).toString('hex'),
    progress: process.stderr,
    signal: interruption.signal,
  });
  if (chart !== undefined) writeFileSync(chart, chartOf(report));
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${tableOf(report)}\n`);
  process.exitCode = isClean(report) ? EXIT.clean : EXIT.notClean;
  if (interruptedAt !== undefined && isClean(report)) process.exitCode = EXIT.interrupted;
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.clean : EXIT.wrongUse;
  process.stderr.write(`ledgerfold-load: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof LedgerUnreachable ? EXIT.outOfReach : EXIT.notClean;
}
