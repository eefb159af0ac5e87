/**
 * An event consumer: prints what happens in the ledger, account by account in order, until Ctrl-C.
 *
 *     AMQP_URL=amqp://guest:guest@127.0.0.1:5672 node examples/event-consumer.ts my-service.ledger-events
 *
 * The queue stays when this ends, and keeps what happens meanwhile for the next run.
 */
import { consumeLedgerEvents } from '@ledgerfold/client';

const [queue] = process.argv.slice(2);
const amqpUrl = process.env['AMQP_URL'];
if (queue === undefined || amqpUrl === undefined) {
  console.error('usage: AMQP_URL=amqp://user:password@host:port node examples/event-consumer.ts QUEUE');
  process.exit(2);
}

/** At least once means that an event may come again. A real service keeps the ids with what it writes, in one transaction. */
const seen = new Set<string>();

const consumer = consumeLedgerEvents({
  amqpUrl,
  queue,
  onTrouble: ({ message }) => console.error(`broker: ${message}`),
  onEvent(event) {
    if (seen.has(event.id)) return;
    seen.add(event.id);
    const { subject, data } = event;
    const balances = data.balances.map(({ asset, available, held }) => `${available} ${asset} (${held} held)`).join(', ');
    switch (event.type) {
      case 'ledger.account.deposited.v1':
        console.log(`${subject} #${data.revision} deposited ${event.data.amount} (${event.data.reference ?? 'no reference'}): ${balances}`);
        break;
      case 'ledger.account.command-rejected.v1':
        console.log(`${subject} #${data.revision} refused ${event.data.commandType}: ${event.data.code}`);
        break;
      default:
        console.log(`${subject} #${data.revision} ${event.type}: ${balances}`);
    }
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void consumer.close());
