// A process that starts an embedded server, says so, and waits to be killed: `node start-and-linger.ts postgres DIR`.
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';

const [kind, dataDir = ''] = process.argv.slice(2);
const server = await (kind === 'postgres' ? startEmbeddedPostgres({ dataDir }) : startEmbeddedEventStore({ dataDir }));
process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`);
setInterval(() => undefined, 60_000);
