import { Command } from 'commander';
import { lineOfFinding } from '../audit/findings.ts';
import type { VerifyReport } from '../audit/verify/verify.ts';
import { verifyBooks } from '../audit/verify/verify.ts';
import { chainKeysIn } from './chain.ts';
import { exitCodes } from './exit-codes.ts';
import { openTools } from './log-tools.ts';
import { jsonLine, print } from './output.ts';
import { oneLine } from './printable.ts';
import { tellReading } from './reading-progress.ts';

/** `ledger verify`: the books checked from the log up; see docs/audit.md. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check the log, its signatures and what Postgres makes of it, with a fold of its own; 1 where anything is wrong')
    .option('--key <file>', 'trust the public keys in this file (`ledger chain key`), and no others')
    .option('--json', 'print JSON')
    .action(async ({ key, json }: { readonly key?: string; readonly json?: true }) => {
      const keys = key === undefined ? undefined : chainKeysIn(key);
      await using tools = await openTools('verify');
      const { database, store, onProgress } = tools;
      const report = await verifyBooks({ db: database.db, store, keys, onProgress: tellReading(onProgress) });
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
