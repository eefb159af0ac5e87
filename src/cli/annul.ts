import { Command, InvalidArgumentError } from 'commander';
import { readEnv } from '../config.ts';
import { connectEventStore } from '../eventstore/client.ts';
import { openDatabase } from '../postgres/pool.ts';
import { annulHaltedEvent } from '../projections/halt.ts';
import { onProgress } from './output.ts';
import { findServers } from './servers.ts';

interface EventName {
  readonly stream: string;
  readonly revision: bigint;
}

/** Reads `STREAM@REVISION`. A stream's name may itself have an @ in it. */
function eventName(text: string): EventName {
  const [, stream, revision] = /^(.+)@(0|[1-9][0-9]{0,18})$/.exec(text) ?? [];
  if (stream === undefined || revision === undefined) throw new InvalidArgumentError('Give it as STREAM@REVISION.');
  return { stream, revision: BigInt(revision) };
}

/**
 * `ledger annul`: the way on after an event was written past the ledger that no projection can apply. Only the event on which
 * the projector has halted can be annulled; see docs/operations.md.
 */
export function annulCommand(): Command {
  return new Command('annul')
    .description('say in the log that the event on which the projector has halted has no effect')
    .argument('<event>', 'STREAM@REVISION, as /health/ready names it', eventName)
    .requiredOption('--reason <text>', 'why; kept in the log for ever')
    .option('--json', 'print JSON')
    .action(async ({ stream, revision }: EventName, { reason, json }: { reason: string; json?: boolean }) => {
      await using servers = await findServers(readEnv(process.env), onProgress);
      await using opened = new AsyncDisposableStack();
      const store = opened.adopt(connectEventStore(servers.eventStoreUrl), ({ close }) => close());
      const database = openDatabase(servers.databaseUrl, { maxConnections: 1, applicationName: 'ledger annul' });
      opened.defer(() => database.close());
      const { position, eventId } = await annulHaltedEvent(database.db, store.annulments, { stream, revision, reason });
      const said = { stream, revision: `${revision}`, position: `${position}`, eventId, reason };
      process.stdout.write(json === true ? `${JSON.stringify(said)}\n` : `${stream}@${revision} (event ${eventId}) is annulled.\n`);
    });
}
