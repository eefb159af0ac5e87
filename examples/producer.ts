/**
 * A producer: pays salaries into an account, over RabbitMQ.
 *
 *     AMQP_URL=amqp://guest:guest@127.0.0.1:5672 node examples/producer.ts 7c9e6679-7425-40de-944b-e07fc1f90ae7
 *
 * The broker user, here guest, is a client of the ledger with the role producer: `npx ledger clients create guest --role producer`.
 * Run it again: every payment has a key that comes from the payroll itself, so nobody is paid twice.
 */
import { createLedgerProducer, LedgerProblem } from '@ledgerfold/client';

const [accountId] = process.argv.slice(2);
const amqpUrl = process.env['AMQP_URL'];
if (accountId === undefined || amqpUrl === undefined) {
  console.error('usage: AMQP_URL=amqp://user:password@host:port node examples/producer.ts ACCOUNT_ID');
  process.exit(2);
}

const producer = createLedgerProducer({ amqpUrl, onTrouble: ({ message }) => console.error(`broker: ${message}`) });
try {
  // The broker has them for good when `publish` resolves; the ledger books them in this order.
  await Promise.all(
    ['2026-01', '2026-02', '2026-03'].map((month) =>
      producer.publish(
        { type: 'deposit', accountId, asset: 'USD', amount: '2500.00', reference: `salary ${month}` },
        { key: `salary-${month}` },
      ),
    ),
  );
  console.log('published three salaries');

  // `send` waits until the ledger has decided.
  const bonus = { type: 'deposit', accountId, asset: 'USD', amount: '100.00', reference: 'bonus' } as const;
  const { balances, hit } = await producer.send(bonus, { key: 'bonus-2026' });
  console.log(`${hit ? 'had paid the bonus before' : 'paid the bonus'}; after it ${balances[0]?.available} USD were available`);

  await producer.send({ type: 'withdraw', accountId, asset: 'USD', amount: '1000000.00' }, { key: 'too-much' });
} catch (error) {
  if (!(error instanceof LedgerProblem)) throw error;
  console.log(`refused: ${error.message}`);
} finally {
  await producer.close();
}
