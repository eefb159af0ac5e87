import { Command } from 'commander';
import type { HistoryEntry } from '../audit/history.ts';
import { historyOf } from '../audit/history.ts';
import { replayAccount } from '../audit/replay.ts';
import type { AccountId } from '../domain/ids.ts';
import { accountArgument } from './arguments.ts';
import { openLog } from './log-tools.ts';
import { shownOf } from './nothing-there.ts';
import { jsonLine, print } from './output.ts';
import { oneLine } from './printable.ts';

/** `ledger history`: what happened to an account, in words, with before and after; refusals, too. */
export function historyCommand(): Command {
  return new Command('history')
    .description('tell what happened to an account, oldest first: who asked for it, and what it changed')
    .argument('<account>', 'its id', accountArgument)
    .option('--json', 'print a line of JSON for each event')
    .action(async (accountId: AccountId, { json }: { json?: true }) => {
      await using tools = await openLog();
      const entries = historyOf(replayAccount(tools.store, accountId));
      await print(shownOf<HistoryEntry>(accountId, entries, json === true ? jsonLine : asText));
    });
}

function asText({ revision, position, asked, what, changes }: HistoryEntry): string {
  const place = `revision ${revision}, position ${position}`;
  const backdated = asked?.effectiveAt === undefined ? '' : `, to count from ${asked.effectiveAt}`;
  const by = asked && `by ${oneLine(asked.actor)} over ${asked.transport}, key ${JSON.stringify(asked.key)}`;
  const width = Math.max(0, ...changes.map((change) => change.of.length));
  const lines = [
    `${asked?.occurredAt ?? '-'}  ${oneLine(what)}${backdated}`,
    `    ${by === undefined ? place : `${by}; ${place}`}`,
    ...changes.map((change) => `    ${change.of.padEnd(width)}  ${change.before} → ${change.after}`),
  ];
  return `${lines.join('\n')}\n\n`;
}
