// docs/reliability.md names tests, and sections of other pages: they are there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
const slugOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');

test('every test that the page names is there', () => {
  const named = [...page.matchAll(/`((?:test|src|packages)\/[^`*]+)`/g)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('every fault has a test', () => {
  const [, section = ''] = /## Faults, and where they are tested\n(.*?)\n\n\*\*/s.exec(page) ?? [];
  const rows = section.trim().split('\n').slice(2);
  expect(rows.length).toBeGreaterThan(15);
  for (const row of rows) expect(row).toMatch(/\| `(test|packages)\/[^|]+\.spec\.ts`[^|]* \|$/);
});

test('every link leads to a page, and to a section that it has', () => {
  const links = [...page.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)];
  expect(links.length).toBeGreaterThan(8);
  for (const [, file = '', section] of links) {
    expect(existsSync(join(root, 'docs', file)), file).toBe(true);
    const headings = [...readFileSync(join(root, 'docs', file), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slugOf(heading));
    if (section !== undefined) expect(headings, file).toContain(section);
  }
});
