import { Command, Option } from 'commander';
import type { StatementFormat } from '../audit/statement.ts';
import { csvStatement, jsonStatement, textStatement } from '../audit/statement-formats.ts';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import { timeMs } from '../domain/time.ts';
import type { TimeAxis } from '../projections/balances.ts';
import { accountArgument, assetArgument, timeArgument } from './arguments.ts';
import { NothingThere } from './nothing-there.ts';
import { print } from './output.ts';
import { oneLine } from './printable.ts';
import { openProjectedAccount } from './projected-account.ts';

const FORMATS = {
  text: textStatement(oneLine),
  csv: csvStatement,
  json: { ...jsonStatement, foot: (...said) => `${jsonStatement.foot(...said)}\n` },
} as const satisfies Record<string, StatementFormat>;

interface StatementArguments {
  readonly asset: AssetCode;
  readonly from?: string;
  readonly to?: string;
  readonly by: TimeAxis;
  readonly format: keyof typeof FORMATS;
  readonly json?: true;
}

/** `ledger statement`: an account in one asset over some time, as `GET /v1/accounts/{accountId}/statement` answers it, or as a table. */
export function statementCommand(): Command {
  return new Command('statement')
    .description('show what came and went in an account, between the balance before and the balance after')
    .argument('<account>', 'its id', accountArgument)
    .requiredOption('--asset <code>', 'in which asset', assetArgument)
    .option('--from <time>', 'of this time (UTC) or later; default: from the beginning', timeArgument)
    .option('--to <time>', 'of a time before this; default: to the end', timeArgument)
    .addOption(
      new Option('--by <time>', 'which time counts: when entries were recorded, or from when they count')
        .choices(['system', 'effective'])
        .default('system'),
    )
    .addOption(new Option('--format <format>', 'as what').choices(Object.keys(FORMATS)).default('text'))
    .option('--json', 'the same as --format json')
    .action(async (accountId: AccountId, { asset: code, from, to, by, format, json }: StatementArguments, command: Command) => {
      if (from !== undefined && to !== undefined && timeMs(from) >= timeMs(to)) command.error('error: --to must be later than --from');
      await using projected = await openProjectedAccount('statement', accountId);
      const { queries } = projected;
      const asset = await queries.asset(code);
      if (asset === undefined) throw new NothingThere(`asset ${code}`);
      await print(await queries.statement({ accountId, asset, from, to, by }, FORMATS[json === true ? 'json' : format]));
    });
}
