// The results as lines to read.
import type { Result } from './compare.ts';

const COLUMNS = ['commands/s', '× plain', 'p50 ms', 'p99 ms', 'visible p50', 'p99', 'CPU µs'] as const;
const TITLE = 46;
const WIDTHS = [11, 20, 9, 9, 12, 9, 9];

export const tableHead = ['load and way'.padEnd(TITLE), ...COLUMNS.map((name, n) => name.padStart(WIDTHS[n] ?? 0))].join('');

export function tableRow({ spread, clients, title, answers, ...of }: Result): string {
  const cells = [
    of.commandsPerSecond.toFixed(0),
    of.timesPlain === undefined ? '' : timesPlain(of.timesPlain),
    of.p50Ms.toFixed(1),
    of.p99Ms.toFixed(1),
    of.visibleP50Ms?.toFixed(1) ?? '',
    of.visibleP99Ms?.toFixed(1) ?? '',
    Object.values(of.processorUs)
      .reduce((sum, us) => sum + us, 0)
      .toFixed(0),
  ];
  const name = `${spread}, ${clients}: ${title}${answers === 'accepted' ? ' (accepted)' : ''}`;
  return [name.padEnd(TITLE), ...cells.map((cell, n) => cell.padStart(WIDTHS[n] ?? 0))].join('');
}

/** `1.02 (0.98–1.07)`: the median, and the extremes of the rounds. */
const timesPlain = ({ median, least, most }: NonNullable<Result['timesPlain']>): string =>
  least === most ? median.toFixed(2) : `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;

/** Where the processor time of a command goes, by process. */
export const processorRow = ({ spread, clients, title, processorUs }: Result): string =>
  `${`${spread}, ${clients}: ${title}`.padEnd(TITLE)} ${Object.entries(processorUs)
    .map(([name, us]) => `${name} ${us.toFixed(0)}`)
    .join(', ')}`;
