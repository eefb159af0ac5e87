// Ledger processes are killed and the broker is restarted while producers publish: every command has one effect, in the order
// in which it was published to its account. COMMANDS=20000 is the long run.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerProducer } from '@ledgerfold/client';
import { createLedgerProducer } from '@ledgerfold/client';
import { afterAll, expect, test } from 'vitest';
import { createClient } from '../stack/clients.ts';
import { startManagedRabbitMq } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { withDatabase } from './audit/tables.ts';
import { expectBalancedBooks } from './books.ts';
import { deadLetters, keysOf, waitingCommands } from './brokers.ts';
import { applyAll } from './clients.ts';
import { eventually } from './eventually.ts';
import { startTwoLedgers } from './ledgers.ts';

const COMMANDS = Number(process.env['COMMANDS'] ?? 2_000);
const ACCOUNTS = 50;
const PRODUCERS = 4;
const KILLS = 10;
/** The kills at which the broker is restarted, too. */
const BROKER_RESTARTS = [3, 7];
/** Longer than everything here takes: a producer waits for its broker to come back. */
const DEADLINE_MS = 600_000;
/** Unconfirmed commands of one producer. */
const WINDOW = 100;
const PACE_MS = 20;

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const broker = opened.use(await startManagedRabbitMq());
const ledgers = opened.use(
  await startTwoLedgers({ stores: await startStores(), settings: { AMQP_URL: broker.amqpUrl, LEDGER_LEASE_SECONDS: '1' } }),
);
await createClient(ledgers.audit.databaseUrl, 'guest');

/** Every account has one producer, so that there is an order in which its commands were published. */
const producerOf = (account: number): number => account % PRODUCERS;

test(
  'every command has one effect, in the order of its account, whatever is killed',
  async () => {
    const ids = Array.from({ length: ACCOUNTS }, () => crypto.randomUUID());
    await applyAll(
      ledgers.urls()[0],
      ids.map((accountId) => ({ type: 'open-account', accountId, key: 'open' })),
    );
    const producers = Array.from({ length: PRODUCERS }, () =>
      opened.adopt(createLedgerProducer({ amqpUrl: broker.guestUrl, deadlineMs: DEADLINE_MS }), ({ close }) => close()),
    );
    let kills = 0;
    /** A share of the commands is published for every kill, so that each interrupts something. */
    const mayPublish = (n: number): boolean => n < (COMMANDS * (kills + 1)) / (KILLS + 1);
    const publish = async (producer: LedgerProducer, which: number): Promise<void> => {
      const mine = Array.from({ length: COMMANDS }, (_, n) => n).filter((n) => producerOf(n % ACCOUNTS) === which);
      const underWay = new Set<Promise<unknown>>();
      for (const n of mine) {
        while (!mayPublish(n)) await sleep(PACE_MS);
        if (underWay.size >= WINDOW) await Promise.race(underWay);
        const command = {
          type: n % 4 === 3 ? 'withdraw' : 'deposit',
          accountId: ids[n % ACCOUNTS] ?? '',
          asset: 'USD',
          amount: '1.00',
        } as const;
        const sent: Promise<unknown> = producer.publish(command, { key: `n-${n}` }).then(() => underWay.delete(sent));
        underWay.add(sent);
      }
      await Promise.all(underWay);
    };
    const publishing = Promise.all(producers.map(publish));
    publishing.catch(() => undefined); // awaited below

    /** What the projections have seen of them: looked at from outside, and cheap. */
    const decided = (): Promise<number> =>
      withDatabase(ledgers.audit.databaseUrl, async (client) => {
        const { rows } = await client.query<{ count: string }>(
          `SELECT count(*) FROM command_outcomes WHERE command_type IN ('deposit', 'withdraw')`,
        );
        return Number(rows[0]?.count);
      });
    for (; kills < KILLS; kills += 1) {
      const due = (COMMANDS * (kills + 0.5)) / (KILLS + 1);
      await eventually(`${due} commands are decided`, async () => (await decided()) >= due);
      const which = kills % 2 === 0 ? 0 : 1;
      await ledgers.kill(which);
      if (BROKER_RESTARTS.includes(kills)) await broker.restart();
      await ledgers.start(which);
    }
    await publishing;

    await eventually('every command is decided', async () => (await decided()) >= COMMANDS);
    const { log } = await expectBalancedBooks(ledgers.audit);
    for (const [account, accountId] of ids.entries()) {
      const numbers = Array.from({ length: COMMANDS }, (_, n) => n).filter((n) => n % ACCOUNTS === account);
      expect(keysOf(log, accountId)).toEqual(['open', ...numbers.map((n) => `n-${n}`)]);
    }
    expect(await deadLetters(broker)).toEqual([]);
    await eventually('the broker has nothing left', async () => (await waitingCommands(broker)) === 0);
  },
  DEADLINE_MS,
);
