import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.spec.ts', 'packages/*/test/**/*.spec.ts'],
    globalSetup: ['test/stack/global-setup.ts'],
    // Real servers run beside the tests: more workers than this fight them for two cores.
    pool: 'forks',
    maxWorkers: 2,
    // Deadlines only ever end a test that hangs; a slow machine must not fail one.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    sequence: { hooks: 'stack' },
    expect: { requireAssertions: true },
    allowOnly: false,
    passWithNoTests: false,
  },
});
