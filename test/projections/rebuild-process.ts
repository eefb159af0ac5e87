// A rebuild in a process of its own, for tests that kill it. Prints a line when it has begun, and one when it is done.
import { openRebuild } from '../../src/audit/rebuild.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { openDatabase } from '../../src/postgres/pool.ts';

const [databaseUrl = '', eventStoreUrl = '', batchEvents = ''] = process.argv.slice(2);
const database = openDatabase(databaseUrl);
const store = connectEventStore(eventStoreUrl);
await using rebuild = await openRebuild({ database, store, release: 'test', batchEvents: Number(batchEvents) });
process.stdout.write(`from ${rebuild.shadow.checkpoint().events}\n`);
await rebuild.catchUp();
process.stdout.write(`done ${rebuild.shadow.checkpoint().events}\n`);
process.exit(0);
