import { constants, setPriority } from 'node:os';
import { Command } from 'commander';
import type { ChainReport } from '../audit/chain-ledger.ts';
import { lineOfFinding } from '../audit/findings.ts';
import { openRebuild } from '../audit/rebuild.ts';
import type { Swapped } from '../audit/swap-rebuild.ts';
import { swapRebuild } from '../audit/swap-rebuild.ts';
import { hasShadow } from '../projections/shadow.ts';
import { version } from '../version.ts';
import { exitCodes } from './exit-codes.ts';
import type { Tools } from './log-tools.ts';
import { openTools } from './log-tools.ts';
import { jsonLine, print } from './output.ts';
import { oneLine } from './printable.ts';
import { tellReading } from './reading-progress.ts';

interface Options {
  readonly swap?: true;
  readonly drop?: true;
  readonly json?: true;
}

const MS_PER_S = 1000;

/** `ledger rebuild`: the projections once more from the log, beside the live ones; see docs/operations.md. */
export function rebuildCommand(): Command {
  return new Command('rebuild')
    .description('build the tables of the projections anew from the log, beside the live ones; goes on where it was interrupted')
    .option('--swap', 'then put them in the place of the live ones, without stopping anything')
    .option('--drop', 'throw away what an earlier rebuild has left, and build nothing')
    .option('--json', 'print JSON')
    .action(async ({ swap, drop, json }: Options) => {
      // Whoever waits for an answer comes first.
      setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
      await using tools = await openTools('rebuild');
      await print([drop === true ? await dropped(tools, json) : await rebuilt(tools, swap === true, json)]);
    });
}

/** What `openRebuild` and `swapRebuild` are given by a verb. */
export const rebuildOptions = ({ database, store, onProgress }: Pick<Tools, 'database' | 'store' | 'onProgress'>) => ({
  database,
  store,
  release: version,
  onProgress: tellReading(onProgress),
  onStep: onProgress,
});

async function dropped(tools: Tools, json: true | undefined): Promise<string> {
  const isThere = await hasShadow(tools.database.db);
  if (isThere) {
    await using rebuild = await openRebuild(rebuildOptions(tools));
    await rebuild.shadow.drop();
  }
  if (json === true) return jsonLine({ dropped: isThere });
  return isThere ? 'The rebuilt tables are dropped.\n' : 'There are no rebuilt tables.\n';
}

async function rebuilt(tools: Tools, isToSwap: boolean, json: true | undefined): Promise<string> {
  const options = rebuildOptions(tools);
  const startedAt = performance.now();
  await using rebuild = await openRebuild(options);
  const { shadow } = rebuild;
  const before = shadow.checkpoint().events;
  let swapped: Swapped | undefined;
  if (isToSwap) swapped = await swapRebuild(rebuild, options);
  else await rebuild.catchUp();
  const seconds = (performance.now() - startedAt) / MS_PER_S;
  const { events, position } = shadow.checkpoint();
  const chain = rebuild.chain();
  if (chain.findings.length > 0) process.exitCode = exitCodes.failed;
  const done: Done = { events, position, applied: events - before, seconds, schema: shadow.schema, swapped, chain };
  return json === true ? jsonLine(asJson(done)) : `${asText(done).join('\n')}\n`;
}

interface Done {
  readonly events: bigint;
  readonly position: bigint;
  /** By this run. */
  readonly applied: bigint;
  readonly seconds: number;
  readonly schema: string;
  readonly swapped: Swapped | undefined;
  readonly chain: ChainReport;
}

const asJson = ({ swapped, schema, chain: { proven, findings }, ...figures }: Done) => ({
  ...figures,
  swapped: swapped !== undefined,
  ...(swapped === undefined ? { schema } : { setBack: swapped.setBack }),
  chain: { proven, findings },
});

function asText({ events, position, applied, seconds, schema, swapped, chain }: Done): readonly string[] {
  const rate = Math.round(Number(applied) / seconds).toLocaleString('en');
  return [
    ...chain.findings.map((finding) => oneLine(lineOfFinding(finding))),
    `${applied} events applied in ${seconds.toFixed(1)} s (${rate}/s); the tables now have ${events}, up to position ${position}.`,
    chain.provenBy === undefined
      ? 'No signed checkpoint was there to hold the log against.'
      : `${chain.proven} events are as they were signed.`,
    ...(swapped === undefined
      ? [
          `They are in schema ${schema}. Compare them: ledger diff. Put them in place: ledger rebuild --swap. Throw them away: ledger rebuild --drop.`,
        ]
      : ['They are in place; those before them are dropped.', ...swapped.setBack.map(setBackInWords)]),
  ];
}

const setBackInWords = ({ name, from, to }: Swapped['setBack'][number]): string =>
  `The ${name} was at event ${from.eventId} (position ${from.position}), which the log does not have: it goes on ${
    to === undefined ? "from the log's beginning; nothing happens twice" : `after event ${to.eventId} (position ${to.position})`
  }.`;
