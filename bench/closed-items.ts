/**
 * Do orders and holds that are over make a command dearer? `npm run bench:closed-items [-- --items 100000 --samples 1000]`.
 *
 * One account with that many closed ones (half cancelled orders, half released holds), one with ten.
 */
import { parseArgs } from 'node:util';
import { cameAndWent, deposited, opened } from './accounts/seeded-events.ts';
import type { Past } from './accounts/two-accounts.ts';
import { compareAccounts } from './accounts/two-accounts.ts';

const { values } = parseArgs({
  options: { items: { type: 'string', default: '100000' }, samples: { type: 'string', default: '1000' } },
});

/** Opened, 100.00 deposited, then two events for each hold or order. */
function past(items: number): Past {
  let madeBy = '';
  return {
    called: `${items} closed orders and holds`,
    events: 2 + 2 * items,
    eventAt(n, eventId) {
      if (n < 2) return n === 0 ? opened() : deposited(1);
      const event = cameAndWent(n - 2, eventId, madeBy);
      madeBy = eventId;
      return event;
    },
  };
}

await compareAccounts({ small: past(10), large: past(Number(values.items)), samples: Number(values.samples) });
