// A command behind all others: once it is decided, nothing that was sent to the account before it is still on its way.
import { createLedgerClient } from '@ledgerfold/client';
import type { Recorder } from './history.ts';
import { appliedOutcome, failedOutcome } from './outcomes.ts';
import type { ChaosStack } from './stack.ts';

const GIVE_UP_MS = 10_000;
/** More than anybody has: it is refused, and the refusal is an event. */
const ASKS = { asset: 'USD', amount: '1000000000.00' };

/**
 * Sends every account one over each ledger. It passes the queue and the lane that commands wait in behind all that wait there
 * already, and moves the revision on, so that an append that was given up and lands late finds another one than it expects.
 * @throws where one is not decided; asked again by the same name, they are the same commands.
 */
export async function fence({ ledgers }: ChaosStack, recorder: Recorder, token: string, name: string): Promise<void> {
  await Promise.all(
    ledgers.flatMap(({ url }, n) => {
      const ledger = createLedgerClient({ url, token, deadlineMs: GIVE_UP_MS });
      return recorder.accounts.map(async (accountId) => {
        const key = `${name} over ledger ${n}`;
        const end = recorder.invoke({ client: 'fence', key, accountId, type: 'withdraw', asks: ASKS });
        const outcome = await ledger.withdraw(accountId, ASKS, { key }).then(appliedOutcome, (error) => failedOutcome(error, false));
        end(outcome);
        if (outcome.kind !== 'refused') throw new Error(`"${key}" to ${accountId} is ${outcome.kind}`);
      });
    }),
  );
}
