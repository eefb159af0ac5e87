// The results as a picture: a panel for each spread of accounts, a group of bars for each number of clients, a bar for each way.
import type { Result } from './compare.ts';

const PANEL = { width: 360, height: 260, left: 56, bottom: 44, top: 34, gap: 16 };
const COLOURS = ['#8c8c8c', '#1f6feb', '#d1791f', '#e0b46c', '#8a4fbf'];
const TEXT = 'font-family="sans-serif" font-size="11" fill="#24292f"';

const inOrder = <Value>(values: readonly Value[]): readonly Value[] => [...new Set(values)];
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** An SVG that needs nothing else. */
export function chartOf(results: readonly Result[], caption: string): string {
  const spreads = inOrder(results.map(({ spread }) => spread));
  const titles = inOrder(results.map(({ title }) => title));
  const width = spreads.length * (PANEL.width + PANEL.gap) + PANEL.gap;
  const height = PANEL.height + 78;
  const panels = spreads.map((spread, n) => {
    const x = PANEL.gap + n * (PANEL.width + PANEL.gap);
    return `<g transform="translate(${x},0)">${panelOf(
      spread,
      results.filter((result) => result.spread === spread),
      titles,
    )}</g>`;
  });
  const legend = titles.map(
    (title, n) =>
      `<g transform="translate(${PANEL.gap + 8 + n * 190},${PANEL.height + 20})"><rect width="10" height="10" fill="${COLOURS[n % COLOURS.length]}"/><text x="15" y="9" ${TEXT}>${escaped(title)}</text></g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...panels,
    ...legend,
    `<text x="${PANEL.gap + 8}" y="${height - 14}" ${TEXT}>${escaped(caption)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function panelOf(spread: string, results: readonly Result[], titles: readonly string[]): string {
  const most = Math.max(...results.map(({ commandsPerSecond }) => commandsPerSecond));
  const step = stepFor(most);
  const top = Math.ceil(most / step) * step;
  const [bottomY, plotHeight, plotWidth] = [PANEL.height - PANEL.bottom, PANEL.height - PANEL.bottom - PANEL.top, PANEL.width - PANEL.left];
  const yOf = (rate: number): number => bottomY - (rate / top) * plotHeight;
  const parts = [`<text x="${PANEL.left}" y="18" ${TEXT} font-weight="bold">${escaped(spread)}: commands a second</text>`];
  for (let rate = 0; rate <= top; rate += step) {
    const y = yOf(rate).toFixed(1);
    parts.push(
      `<line x1="${PANEL.left}" x2="${PANEL.width}" y1="${y}" y2="${y}" stroke="#d8dee4"/>`,
      `<text x="${PANEL.left - 6}" y="${y}" dy="4" text-anchor="end" ${TEXT}>${rate.toLocaleString('en-US')}</text>`,
    );
  }
  const clients = inOrder(results.map((result) => result.clients));
  const groupWidth = plotWidth / clients.length;
  const barWidth = (groupWidth * 0.8) / titles.length;
  for (const [group, count] of clients.entries()) {
    const groupX = PANEL.left + group * groupWidth;
    const label = `${count} ${count === 1 ? 'client' : 'clients'}`;
    parts.push(`<text x="${groupX + groupWidth / 2}" y="${bottomY + 16}" text-anchor="middle" ${TEXT}>${label}</text>`);
    for (const { title, commandsPerSecond } of results.filter((result) => result.clients === count)) {
      const at = titles.indexOf(title);
      const x = (groupX + groupWidth * 0.1 + at * barWidth).toFixed(1);
      const y = yOf(commandsPerSecond);
      const named = `<title>${escaped(title)}: ${commandsPerSecond.toFixed(0)}/s</title>`;
      parts.push(
        `<rect x="${x}" y="${y.toFixed(1)}" width="${barWidth.toFixed(1)}" height="${(bottomY - y).toFixed(1)}" fill="${COLOURS[at % COLOURS.length]}">${named}</rect>`,
      );
    }
  }
  return parts.join('\n');
}

/** A round number of which four or five make the axis. */
function stepFor(most: number): number {
  const rough = Math.max(most, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? 10 * power;
}
