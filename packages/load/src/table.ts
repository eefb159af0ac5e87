// The report for people: a table of the operations, and what follows from them in sentences.
import type { LagFigures, MemoryFigures } from './ledger-metrics.ts';
import type { Figures, OperationReport, OverloadReport, Report } from './report.ts';
import { isClean } from './report.ts';

const COLUMNS = ['operation', 'count', 'rate/s', 'share', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'outcomes'] as const;
const MOST_DIFFERENCES = 50;
const MS_PER_S = 1_000;

const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
const figures = ({ p50Ms, p95Ms, p99Ms, maxMs }: Figures): string[] => [p50Ms, p95Ms, p99Ms, maxMs].map(ms);
const outcomesText = (outcomes: Readonly<Record<string, number>>): string =>
  Object.entries(outcomes)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

function rowOf(row: OperationReport): string[] {
  const { operation, count, ratePerS, sharePercent, outcomes } = row;
  const share = sharePercent === undefined ? '' : `${sharePercent.toFixed(1)} %`;
  return [operation, String(count), ratePerS.toFixed(1), share, ...figures(row), outcomesText(outcomes)];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const isText = (column: number): boolean => column === 0 || column === COLUMNS.length - 1;
  return rows.map((row) =>
    row
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

function sentence(what: string, found: LagFigures | Figures | null): string {
  if (found === null) return `${what}: not known`;
  const { p50Ms, p95Ms, p99Ms, count } = found;
  const most = 'maxMs' in found ? `, max ${ms(found.maxMs)} ms` : '';
  return `${what}: p50 ${ms(p50Ms)} ms, p95 ${ms(p95Ms)} ms, p99 ${ms(p99Ms)} ms${most} (${count})`;
}
function memoryText(memory: MemoryFigures | null): string {
  if (memory === null) return 'not known';
  const { beginMiB, mostMiB, endMiB } = memory;
  return `${beginMiB.toFixed(0)} MiB in the beginning, ${mostMiB.toFixed(0)} MiB at most, ${endMiB.toFixed(0)} MiB in the end`;
}

function overloadLines(overload: OverloadReport | null): string[] {
  if (overload === null) return [];
  const { rps, durationS, acceptedPerS, accepted, acceptedSinceSent, refused, lateness, usualMs, recoveredMs, ledgerMemory } = overload;
  return [
    '',
    `overload: ${rps} requests a second for ${durationS} s, of which ${acceptedPerS.toFixed(0)} a second were accepted`,
    sentence('  accepted, from its moment in the plan', accepted),
    sentence('  accepted, from when it was sent, without the wait for what it builds on', acceptedSinceSent),
    sentence('  refused with Retry-After', refused),
    sentence('  sent too late by this client', lateness),
    `  memory of the ledger: ${memoryText(ledgerMemory)}`,
    recoveredMs === null
      ? `  after it: not as usual again (95 of 100 answers within ${ms(usualMs)} ms)`
      : `  after it: as usual (95 of 100 answers within ${ms(usualMs)} ms) ${recoveredMs === 0 ? 'at once' : `from ${(recoveredMs / MS_PER_S).toFixed(1)} s on`}`,
  ];
}

/** Lines without an end. */
export function tableOf(report: Report): string {
  const { operations, aside, all, durable, visible, projectionLag, ledgerMemory, overload, reconciliation, client, errors, examples } =
    report;
  const { accounts, events, applied, refused, differences } = reconciliation;
  const total = operations.reduce((sum, { count }) => sum + count, 0);
  const allRow = ['all', String(total), (total / report.durationS).toFixed(1), '', ...figures(all), ''];
  const table = aligned([[...COLUMNS], ...operations.map(rowOf), allRow, ...aside.map(rowOf)]);
  const dooms = operations.flatMap((row) =>
    row.dooms === undefined ? [] : [`doomed, refused as they should be: ${outcomesText(row.dooms)}`],
  );
  return [
    ...table.slice(0, operations.length + 2),
    ...(aside.length === 0 ? [] : ['beside the plan, and not in its figures:', ...table.slice(operations.length + 2)]),
    '',
    sentence('durable (a write, to its answer)', durable),
    sentence('visible (a write, to the end of a read that sees it)', visible),
    sentence('projection lag (an event, to the first read that shows it, as the ledger says it)', projectionLag),
    `memory of the ledger: ${memoryText(ledgerMemory)}`,
    ...dooms,
    ...overloadLines(overload),
    '',
    `this client: ${client.cpuMsPerRequest.toFixed(2)} ms of processor time a request, ${client.peakRssMiB.toFixed(0)} MiB at most; it sent ${ms(client.lateness.p99Ms)} ms late (p99)`,
    '',
    `books: ${accounts} accounts, ${events} events, ${applied} commands applied and ${refused} refused; ${
      differences.length === 0
        ? 'decisions, projection and log say the same as this client'
        : `${differences.length} differences from this client's:`
    }`,
    ...differences.slice(0, MOST_DIFFERENCES).map((difference) => `  ${difference}`),
    ...(differences.length > MOST_DIFFERENCES ? [`  … and ${differences.length - MOST_DIFFERENCES} more`] : []),
    ...(errors === 0 ? [] : [`errors: ${errors}, among them:`, ...examples.map((example) => `  ${example}`)]),
    `seed ${report.seed}, run ${report.run}: ${isClean(report) ? 'clean' : 'NOT CLEAN'}`,
  ].join('\n');
}
