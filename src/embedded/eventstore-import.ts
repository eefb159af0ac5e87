import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EmbeddedServerError } from './embedded-server.ts';
import { eventStoreProgram } from './eventstore.ts';

/** Whether the data folder has an event store, with or without events. */
export const hasEmbeddedEventStore = (dataDir: string): boolean => existsSync(join(resolve(dataDir), 'eventstore', 'events.sqlite'));

/**
 * Makes the data folder's event store out of the events in a file, at the positions that they have there; as a whole or not at all.
 * The caller holds the lock of the data folder.
 *
 * @throws EmbeddedServerError with the reason, also where there is one already.
 */
export async function importIntoEmbeddedEventStore(dataDir: string, file: string): Promise<void> {
  if (!existsSync(eventStoreProgram))
    throw new EmbeddedServerError('no embedded event store is installed: set EVENTSTORE_URL to the URL of an EventStoreDB');
  const folder = join(resolve(dataDir), 'eventstore');
  const child = spawn(process.execPath, [eventStoreProgram, '--data', folder, '--import', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  const said = (await child.stderr.toArray()).join('').trim();
  const [code] = await closed;
  if (code !== 0) throw new EmbeddedServerError(`the log was not restored: ${said === '' ? `the import ended with ${code}` : said}`);
}
