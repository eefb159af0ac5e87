import { defineConfig } from 'vitest/config';
import { isGiven } from './harness/server.ts';

/**
 * The contract between the official EventStoreDB client and a server. Runs against `EVENTSTORE_URL`, or against the embedded
 * event store when that is not set. Every file gets a process of its own, because the client keeps state for the whole process.
 */
export default defineConfig({
  test: {
    name: 'eventstore-contract',
    root: import.meta.dirname,
    include: ['*.contract.ts'],
    pool: 'forks',
    // One file at a time where they share a server: it may cut off a live subscriber for the events that another file appends.
    fileParallelism: !isGiven(),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { requireAssertions: true },
    allowOnly: false,
    passWithNoTests: false,
  },
});
