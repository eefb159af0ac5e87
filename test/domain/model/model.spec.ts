import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MISTAKES } from './mistakes.ts';
import { programs } from './programs.ts';
import type { Tally } from './run.ts';
import { run } from './run.ts';
import { NUMBER_OF_PROGRAMS, WHICH } from './settings.ts';

/** What a few hundred programs must come across, or they are no test of it. */
const EVERYWHERE: readonly string[] = [
  ...['account-opened', 'account-frozen', 'account-unfrozen', 'account-closed', 'limits-set', 'deposited', 'withdrawn', 'coin-updated'],
  ...['coin-removed', 'hold-placed', 'hold-captured', 'hold-released', 'hold-expired', 'order-placed', 'order-filled', 'fill-repeated'],
  ...['order-cancelled', 'order-expired', 'transfer-sent', 'transfer-received', 'transfer-refused', 'transfer-completed'],
  ...['transfer-returned', 'entry-reversed'],
  ...[
    'account_not_found',
    'account_frozen',
    'account_closed',
    'account_not_empty',
    'already_exists',
    'already_reversed',
    'amount_out_of_range',
  ],
  ...['entry_not_found', 'forbidden', 'hold_not_found', 'hold_not_open', 'insufficient_funds', 'insufficient_held', 'limit_exceeded'],
  ...['malformed_request', 'not_found', 'not_reversible', 'order_not_found', 'order_not_open', 'price_not_met', 'recipient_not_found'],
  ...['same_account', 'transfer-sent (a reversal)', 'recipient_out_of_range'],
];
/** Always the same programs, so that what they come across does not change from run to run. */
const FIXED = { seed: 20_260_301 } as const;

describe('the domain', () => {
  it(
    'answers every program as the oracle does, and keeps the same books',
    async () => {
      let count = 0;
      await fc.assert(
        fc
          .asyncProperty(programs, async (program) => run(program))
          .beforeEach(async () => {
            count += 1;
            if (count % 100 === 0) await setImmediate(); // so that the test runner hears from this process now and then
          }),
        WHICH,
      );
      expect(count).toBeGreaterThan(0);
    },
    120_000 + NUMBER_OF_PROGRAMS * 50,
  );

  it('is led everywhere by the programs', () => {
    const tally: Tally = new Set();
    fc.assert(
      fc.property(programs, (program) => run(program, { tally })),
      { ...FIXED, numRuns: 500 },
    );
    expect(EVERYWHERE.filter((outcome) => !tally.has(outcome))).toEqual([]);
  });
});

describe('a planted mistake', () => {
  it.each(Object.keys(MISTAKES))('is found: %s', (name) => {
    const decideIt = MISTAKES[name];
    if (decideIt === undefined) throw new Error(name);
    const found = fc.check(
      fc.property(programs, (program) => run(program, { decideIt })),
      { ...FIXED, numRuns: 1_500, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
