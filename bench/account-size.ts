/**
 * Does a command cost more on an account with a long history? `npm run bench:account-size [-- --events 1000000 --samples 1000]`.
 *
 * One account with that many deposits, one with ten events.
 */
import { parseArgs } from 'node:util';
import { deposited, opened } from './accounts/seeded-events.ts';
import type { Past } from './accounts/two-accounts.ts';
import { compareAccounts } from './accounts/two-accounts.ts';

const { values } = parseArgs({
  options: { events: { type: 'string', default: '1000000' }, samples: { type: 'string', default: '1000' } },
});
const past = (events: number): Past => ({
  called: `${events} events`,
  events,
  eventAt: (n) => (n === 0 ? opened() : deposited(n)),
});

await compareAccounts({ small: past(10), large: past(Number(values.events)), samples: Number(values.samples) });
