import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/stack/longest-first.ts';

// Hundreds of processes load the same modules: what one has compiled, the others need not.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

export default defineConfig({
  test: {
    pool: 'forks',
    // Real servers run beside the tests: more workers than this fight them for two cores.
    maxWorkers: 2,
    teardownTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    allowOnly: false,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'ledger',
          include: ['test/**/*.spec.ts', 'packages/*/test/**/*.spec.ts'],
          globalSetup: ['test/stack/global-setup.ts'],
          // Deadlines only ever end a test that hangs; a slow machine must not fail one.
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { hooks: 'stack', groupOrder: 0 },
          expect: { requireAssertions: true },
        },
      },
      'test/eventstore-contract/vitest.config.ts',
    ],
  },
});
