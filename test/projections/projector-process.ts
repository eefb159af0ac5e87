// A projector in a process of its own, for tests that stop and kill it. Prints its state as a line whenever it changes.
import { pino } from 'pino';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { makeProjector } from '../../src/projections/projector.ts';

const [databaseUrl = '', eventStoreUrl = '', batchSize = '', leaseMs = ''] = process.argv.slice(2);
const projector = makeProjector({
  db: openDatabase(databaseUrl).db,
  store: connectEventStore(eventStoreUrl),
  owner: 'child',
  batchSize: Number(batchSize),
  batchMs: 0,
  leaseMs: Number(leaseMs),
  logger: pino({ level: 'silent' }),
});
projector.start();
let told = '';
setInterval(() => {
  const { state } = projector.status();
  if (state !== told) process.stdout.write(`${state}\n`);
  told = state;
}, 5);
