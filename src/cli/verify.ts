import { Command } from 'commander';
import { lineOfFinding } from '../audit/findings.ts';
import type { VerifyReport } from '../audit/verify/verify.ts';
import { verifyBooks } from '../audit/verify/verify.ts';
import { exitCodes } from './exit-codes.ts';
import { openTools } from './log-tools.ts';
import { jsonLine, print } from './output.ts';
import { oneLine } from './printable.ts';
import { tellReading } from './reading-progress.ts';
import type { TrustOptions } from './trusted.ts';
import { CHECKPOINT_OPTION, KEY_OPTION, trustedBy } from './trusted.ts';

/** `ledger verify`: the books checked from the log up; see docs/audit.md. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check the log, its signatures and what Postgres makes of it, with a fold of its own; 1 where anything is wrong')
    .option(...KEY_OPTION)
    .option(...CHECKPOINT_OPTION)
    .option('--json', 'print JSON')
    .action(async ({ json, ...options }: TrustOptions & { readonly json?: true }) => {
      const trusted = trustedBy(options);
      await using tools = await openTools('verify');
      const { database, store, onProgress } = tools;
      const report = await verifyBooks({ db: database.db, store, trusted, onProgress: tellReading(onProgress) });
      await print(json ? [jsonLine(report)] : textOf(report).map((line) => `${line}\n`));
      if (report.count > 0) process.exitCode = exitCodes.failed;
    });
}

function textOf({ events, comparedAt, chain, findings, count }: VerifyReport): readonly string[] {
  const untold = count - findings.length;
  const unproven = chain.events - chain.proven;
  return [
    ...findings.map((finding) => oneLine(lineOfFinding(finding))),
    ...(untold > 0 ? [`and ${untold} more.`] : []),
    `${events} events read, Postgres compared at position ${comparedAt}: ${count === 0 ? 'nothing is wrong' : `${count} findings`}.`,
    `${chain.proven} events are proven by ${chain.checkpoints} signed checkpoints; ${unproven} follow the last one and are unproven.`,
  ];
}
