import { Command, InvalidArgumentError } from 'commander';
import type { ReplayEnd, Step } from '../audit/replay.ts';
import { replayAccount, stateOf } from '../audit/replay.ts';
import { inWords } from '../audit/words.ts';
import type { AccountId } from '../domain/ids.ts';
import { accountArgument, positionArgument, timeArgument } from './arguments.ts';
import { openLog } from './log-tools.ts';
import { shownOf } from './nothing-there.ts';
import { jsonLine, print } from './output.ts';
import { oneLine } from './printable.ts';

/** `ledger replay`: folds an account's events without Postgres, and shows each with the state after it. */
export function replayCommand(): Command {
  return new Command('replay')
    .description("fold an account's events, printing each and the state after it; needs the event store alone")
    .argument('<account>', 'its id', accountArgument)
    .option('--to <position|time>', 'up to a position in the log, or what had happened at a time (UTC); both included', endArgument)
    .option('--json', 'print a line of JSON for each event')
    .action(async (accountId: AccountId, { to, json }: { to?: ReplayEnd; json?: true }) => {
      await using tools = await openLog();
      const steps = replayAccount(tools.store, accountId, to);
      await print(shownOf(accountId, steps, json === true ? asJson : asText, to && ' up to there'));
    });
}

function endArgument(text: string): ReplayEnd {
  if (/^\d+$/.test(text)) return { position: positionArgument(text) };
  try {
    return { time: timeArgument(text) };
  } catch {
    throw new InvalidArgumentError('Give a position in the log, a time in UTC such as 2026-01-31T12:00:00Z, or a date.');
  }
}

function asJson({ recorded, after }: Step): string {
  const { revision, position, eventId, event, metadata } = recorded;
  const { type, ...data } = event;
  const { occurredAt, effectiveAt, commandId, key, actor, transport } = metadata;
  const asked = type === 'annulled' ? {} : { occurredAt, effectiveAt, commandId, key, actor, transport };
  return jsonLine({ revision, position, eventId, type, ...asked, data, state: stateOf(after) });
}

function asText({ recorded, after }: Step): string {
  const { revision, position, event, metadata } = recorded;
  const { status, balances, holds, orders, transfers } = stateOf(after);
  const when = event.type === 'annulled' ? '' : `  ${metadata.occurredAt}`;
  const state = [
    status,
    ...balances.map(({ asset, available, held }) => `${asset}  available ${available}  held ${held}`),
    ...holds.map(({ holdId, asset, remaining }) => `hold ${holdId}  ${remaining} ${asset}`),
    ...orders.map(({ orderId, tokenIn, tokenOut, held, filledIn, filledOut }) =>
      [`order ${orderId}  ${held} ${tokenIn} held`, `filled ${filledIn} ${tokenIn} for ${filledOut} ${tokenOut}`].join('  '),
    ),
    ...transfers.map(({ transferId, to, asset, amount }) => `transfer ${transferId}  ${amount} ${asset} under way to ${to}`),
  ];
  return `${revision}  position ${position}${when}  ${event.type}\n  ${oneLine(inWords(event))}\n${state.map((line) => `    ${line}\n`).join('')}\n`;
}
