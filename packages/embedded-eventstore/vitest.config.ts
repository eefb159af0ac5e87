import { defineConfig } from 'vitest/config';

/** Runs this package's tests alone; in the repository's own run they are included with all others. */
export default defineConfig({
  test: {
    name: 'embedded-eventstore',
    root: import.meta.dirname,
    include: ['test/**/*.spec.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { requireAssertions: true },
    allowOnly: false,
    passWithNoTests: false,
  },
});
