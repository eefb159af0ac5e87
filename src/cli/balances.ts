import { Command, Option } from 'commander';
import { balancesAnswer } from '../api/routes/balances.ts';
import type { AccountId } from '../domain/ids.ts';
import type { TimeAxis } from '../projections/balances.ts';
import { accountArgument, timeArgument } from './arguments.ts';
import { jsonLine, print } from './output.ts';
import { openProjectedAccount } from './projected-account.ts';

interface BalancesArguments {
  readonly at?: string;
  readonly by?: TimeAxis;
  readonly json?: true;
}

/** `ledger balances`: what an account has, or had at a time, as `GET /v1/accounts/{accountId}/balances` answers it. */
export function balancesCommand(): Command {
  return new Command('balances')
    .description('show the balances of an account, now or at a time')
    .argument('<account>', 'its id', accountArgument)
    .option('--at <time>', 'as they stood at this time (UTC)', timeArgument)
    .addOption(
      new Option(
        '--by <time>',
        'with --at: `system`, what the ledger knew then (the default), or `effective`, what is known of it now',
      ).choices(['system', 'effective']),
    )
    .option('--json', 'print JSON, as the API answers')
    .action(async (accountId: AccountId, { at, by, json }: BalancesArguments, command: Command) => {
      if (by !== undefined && at === undefined) command.error('error: --by says which time --at means: give that, too');
      await using projected = await openProjectedAccount('balances', accountId);
      const answer = await balancesAnswer(projected.queries, accountId, { at, by });
      await print(json === true ? [jsonLine(answer)] : table(answer.data));
    });
}

interface Row {
  readonly asset: string;
  readonly available: string;
  readonly held: string;
  readonly total: string;
}

function table(rows: readonly Row[]): readonly string[] {
  const all: readonly Row[] = [{ asset: 'asset', available: 'available', held: 'held', total: 'total' }, ...rows];
  const width = (column: keyof Row): number => Math.max(...all.map((row) => row[column].length));
  const [asset, available, held, total] = [width('asset'), width('available'), width('held'), width('total')];
  return all.map((row) =>
    [row.asset.padEnd(asset), row.available.padStart(available), row.held.padStart(held), row.total.padStart(total)]
      .join('  ')
      .concat('\n'),
  );
}
