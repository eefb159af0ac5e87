import { constants, setPriority } from 'node:os';
import { Command } from 'commander';
import { diffTables } from '../audit/diff.ts';
import type { RowAsText, RowDifference } from '../projections/table-diff.ts';
import { exitCodes } from './exit-codes.ts';
import { openTools } from './log-tools.ts';
import { jsonLine, print } from './output.ts';
import { oneLine } from './printable.ts';
import { rebuildOptions } from './rebuild.ts';

/** `ledger diff`: every row in which the live tables are not what the log makes; see docs/operations.md. */
export function diffCommand(): Command {
  return new Command('diff')
    .description('compare the live tables with a rebuild, row by row, at the same position; 1 where any differ')
    .option('--json', 'print a line of JSON for each row that differs, then one with what was compared')
    .action(async ({ json }: { readonly json?: true }) => {
      setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
      await using tools = await openTools('diff');
      const { position, events, tables, differences } = await diffTables(rebuildOptions(tools), (difference) =>
        print([json === true ? jsonLine(difference) : `${oneLine(lineOf(difference))}\n`]),
      );
      if (differences > 0) process.exitCode = exitCodes.failed;
      const found = differences === 0 ? 'no difference' : `${differences} rows differ`;
      await print([
        json === true
          ? jsonLine({ position, events, tables, differences })
          : `${found}: ${tables.length} tables after ${events} events, up to position ${position}.\n`,
      ]);
    });
}

function lineOf({ table, key, live, rebuilt }: RowDifference): string {
  const row = `${table}  ${fields(key)}:`;
  if (live === null) return `${row} missing; the log makes ${fields(rebuilt ?? {})}`;
  if (rebuilt === null) return `${row} not from the log: ${fields(live)}`;
  const differing = Object.keys(live).filter((name) => live[name] !== rebuilt[name]);
  return `${row} ${differing.map((name) => `${name} is ${live[name] ?? 'null'}, and the log makes ${rebuilt[name] ?? 'null'}`).join('; ')}`;
}

const fields = (row: RowAsText): string =>
  Object.entries(row)
    .map(([name, value]) => `${name}=${value ?? 'null'}`)
    .join(' ');
