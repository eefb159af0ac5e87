import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { accessReference } from '../src/access-reference.ts';

it('is what docs/permissions.md says', async () => {
  const page = await readFile(new URL('../docs/permissions.md', import.meta.url), 'utf8');
  expect(page, 'run `npm run docs:access`').toBe(accessReference());
});
