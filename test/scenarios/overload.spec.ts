// More than the service takes: it refuses what is too much and says when to come again, keeps no promise that it did not give, and
// answers as usual when it is over.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { spawnLedger } from '../stack/ledger-process.ts';
import { startStores } from '../stack/stores.ts';
import { runLoadClient } from './load-client.ts';

/** Some hundreds a second are too much for a service that takes two at a time, on whatever machine; where it is busy, so may twenty be. */
const LIMITS = { LEDGER_MAX_REQUESTS: '2' };
const USUAL = ['--rps', '20', '--duration', '3', '--warm-up', '1', '--users', '6', '--timeout', '120', '--log-in-every', '0'];
/** As usual is what is not refused: how fast it is depends on the machine. */
const TOO_MUCH = [
  '--overload',
  '500',
  '--overload-for',
  '3',
  '--usual-within',
  '120000',
  '--tolerate',
  'overload',
  '--max-in-flight',
  '1500',
];

const Figures = z.object({ count: z.int(), p99Ms: z.number() });
const Report = z.object({
  operations: z.array(z.object({ count: z.int() })),
  aside: z.array(z.object({ operation: z.string(), outcomes: z.record(z.string(), z.int()) })),
  overload: z.object({ accepted: Figures, refused: Figures, recoveredMs: z.number().nullable() }),
  errors: z.int(),
  examples: z.array(z.string()),
  reconciliation: z.object({ differences: z.array(z.string()) }),
});

test('what is too much is refused with Retry-After, the rest is booked, and it passes', async () => {
  await using stores = await startStores();
  await using ledger = await spawnLedger({ ...stores.environment, ...LIMITS });
  const { code, report } = await runLoadClient({ url: ledger.apiUrl, token: ledger.operatorToken, args: [...USUAL, ...TOO_MUCH] });
  const { operations, aside, overload, errors, examples, reconciliation } = Report.parse(report);
  expect({ code, errors, examples, differences: reconciliation.differences }).toEqual({
    code: 0,
    errors: 0,
    examples: [],
    differences: [],
  });
  // What is measured is what comes before the overload.
  expect(operations.reduce((sum, { count }) => sum + count, 0)).toBe(60);
  const outcomes = aside.find(({ operation }) => operation === 'overload')?.outcomes ?? {};
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(1_500);
  // Without Retry-After a refusal would be unexpected.
  expect(['ok', 'overloaded', 'skipped']).toEqual(expect.arrayContaining(Object.keys(outcomes)));
  expect([overload.accepted.count, overload.refused.count]).toEqual([outcomes['ok'], outcomes['overloaded']]);
  expect(overload.accepted.count).toBeGreaterThan(0);
  expect(overload.refused.count).toBeGreaterThan(0);
  expect(overload.recoveredMs).not.toBeNull();
});
