// A process that starts an embedded server, says so, and waits to be killed: `node start-and-linger.ts postgres DIR`.
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { startEmbeddedRabbitMq } from '../../src/embedded/rabbitmq.ts';

const servers = { postgres: startEmbeddedPostgres, eventstore: startEmbeddedEventStore, rabbitmq: startEmbeddedRabbitMq };
const [kind, dataDir = ''] = process.argv.slice(2);
const start = Object.entries(servers).find(([name]) => name === kind)?.[1];
const server = await start?.({ dataDir });
if (server === undefined) throw new Error(`no ${kind} can be started here`);
process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`);
setInterval(() => undefined, 60_000);
