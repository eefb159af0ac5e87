// The chart of a run as SVG: latencies and rate over time, on a light ground, without a library and without a script.
import type { Point } from './recorder.ts';
import type { Report } from './report.ts';

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 16;
const PANELS = { latency: { top: 56, height: 260 }, rate: { top: 368, height: 120 } } as const;
const HEIGHT = 536;
const COLOURS = {
  p50: '#2563eb',
  p99: '#dc2626',
  max: '#cbd5e1',
  rate: '#0f766e',
  errors: '#b91c1c',
  grid: '#e2e8f0',
  text: '#334155',
} as const;
const GRID_LINES = 4;

type Panel = (typeof PANELS)[keyof typeof PANELS];
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const text = (x: number, y: number, content: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${COLOURS.text}" ${more}>${escaped(content)}</text>`;

/** The next 1, 2 or 5 times a power of ten: the top of an axis. */
export function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, Number.MIN_VALUE)));
  const found = [1, 2, 5, 10].find((factor) => factor * power >= value);
  return value <= 0 ? 1 : (found ?? 10) * power;
}

const yIn = ({ top, height }: Panel, share: number): number => top + height * (1 - Math.min(1, Math.max(0, share)));

function axis(panel: Panel, topValue: number, unit: string): string[] {
  return Array.from({ length: GRID_LINES + 1 }, (_, line) => {
    const share = line / GRID_LINES;
    const y = yIn(panel, share);
    return (
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="${COLOURS.grid}"/>` +
      text(LEFT - 8, y + 4, `${Number((topValue * share).toPrecision(3))}${unit}`, 'text-anchor="end"')
    );
  });
}

function legend(entries: readonly (readonly [string, string])[], y: number): string[] {
  return entries.map(([name, colour], at) => {
    const x = LEFT + at * 110;
    return `<rect x="${x}" y="${y - 9}" width="18" height="4" fill="${colour}"/>${text(x + 24, y - 3, name)}`;
  });
}

/** An SVG document. */
export function chartOf({
  points,
  rps,
  durationS,
  seed,
  all,
  errors,
}: Pick<Report, 'points' | 'rps' | 'durationS' | 'seed' | 'all' | 'errors'>): string {
  const lastS = Math.max(1, ...points.map(({ atS }) => atS));
  const xAt = (atS: number): number => LEFT + (atS / lastS) * (WIDTH - LEFT - RIGHT);
  const line = (panel: Panel, topValue: number, of: (point: Point) => number, colour: string, width = 1.5): string => {
    const drawn = points.map((point) => `${xAt(point.atS).toFixed(1)},${yIn(panel, of(point) / topValue).toFixed(1)}`).join(' ');
    return `<polyline points="${drawn}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"/>`;
  };
  const topMs = niceTop(Math.max(...points.map(({ p99Ms }) => p99Ms), 1));
  const topRate = niceTop(Math.max(rps, ...points.map(({ rate }) => rate)));
  const errorMarks = points.filter((point) => point.errors > 0);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(
      LEFT,
      22,
      `${rps} requests a second for ${durationS} s: p50 ${all.p50Ms} ms, p99 ${all.p99Ms} ms, ${errors} errors (seed ${seed})`,
      'font-size="15"',
    ),
    ...legend(
      [
        ['p50', COLOURS.p50],
        ['p99', COLOURS.p99],
        ['max (cut off)', COLOURS.max],
      ],
      44,
    ),
    ...axis(PANELS.latency, topMs, ' ms'),
    line(PANELS.latency, topMs, (point) => point.maxMs, COLOURS.max, 1),
    line(PANELS.latency, topMs, (point) => point.p99Ms, COLOURS.p99),
    line(PANELS.latency, topMs, (point) => point.p50Ms, COLOURS.p50),
    ...legend([['answered/s', COLOURS.rate], ...(errorMarks.length === 0 ? [] : [['errors', COLOURS.errors] as const])], 356),
    ...axis(PANELS.rate, topRate, ''),
    line(PANELS.rate, topRate, (point) => point.rate, COLOURS.rate),
    ...errorMarks.map(
      ({ atS }) => `<circle cx="${xAt(atS).toFixed(1)}" cy="${PANELS.rate.top + PANELS.rate.height}" r="3" fill="${COLOURS.errors}"/>`,
    ),
    text(LEFT, HEIGHT - 24, '0 s'),
    text(WIDTH - RIGHT, HEIGHT - 24, `${Math.round(lastS)} s`, 'text-anchor="end"'),
    text(
      LEFT,
      HEIGHT - 6,
      'Latencies from when a request should have been sent; those of requests that ended in an error are not in them.',
    ),
    '</svg>',
    '',
  ].join('\n');
}
