import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { domainReference } from '../src/domain-reference.ts';

it('is what docs/domain.md says', async () => {
  const page = await readFile(new URL('../docs/domain.md', import.meta.url), 'utf8');
  expect(page, 'run `npm run docs:domain`').toBe(domainReference());
});
