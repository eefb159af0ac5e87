// Reads $all from the first event to the last with the client alone, in a process of its own; prints how many there were, and in how many ms.
import { EventStoreDBClient } from '@eventstore/db-client';

const [url = '', way = 'loop'] = process.argv.slice(2);
const client = EventStoreDBClient.connectionString(url);
let events = 0;
const startedAt = performance.now();
const all = client.readAll();
if (way === 'loop') for await (const _ of all) events += 1;
else {
  // Faster, and what the ledger itself does.
  await new Promise<void>((resolve, reject) => {
    all.on('data', () => {
      events += 1;
    });
    all.on('end', resolve);
    all.on('error', reject);
  });
}
process.stdout.write(`${JSON.stringify({ events, ms: performance.now() - startedAt })}\n`);
await client.dispose();
