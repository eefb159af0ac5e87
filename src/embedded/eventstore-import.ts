import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedServerError } from './embedded-server.ts';
import { eventStoreFolder, eventStoreProgram } from './eventstore.ts';

/** Whether the data folder has an event store, with or without events. */
export const hasEmbeddedEventStore = (dataDir: string): boolean => existsSync(join(eventStoreFolder(dataDir), 'events.sqlite'));

/** An import under way. */
export interface EventStoreImport extends AsyncDisposable {
  /** Settles when the event store is there. Rejects with an EmbeddedServerError with the reason where it is not, also where there was one already. */
  readonly done: Promise<void>;
}

/**
 * Begins to make the data folder's event store out of the events in a file, at the positions that they have there; as a whole or not at all.
 * The caller holds the lock of the data folder, and keeps it until this is disposed of, which ends an import that is not done and waits for its end.
 *
 * @throws EmbeddedServerError where no embedded event store is installed.
 */
export function importIntoEmbeddedEventStore(dataDir: string, file: string): EventStoreImport {
  if (!existsSync(eventStoreProgram))
    throw new EmbeddedServerError('no embedded event store is installed: set EVENTSTORE_URL to the URL of an EventStoreDB');
  const child = spawn(process.execPath, [eventStoreProgram, '--data', eventStoreFolder(dataDir), '--import', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = Promise.all([once(child, 'close'), child.stderr.toArray()]);
  const done = ended.then(([[code], said]) => {
    if (code === 0) return;
    const reason = said.join('').trim();
    throw new EmbeddedServerError(
      `the log was not restored: ${reason === '' ? `the import ended with ${code ?? child.signalCode}` : reason}`,
    );
  });
  return {
    done,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL'); // there is nothing that it would have to put in order
      await ended.catch(() => undefined);
    },
  };
}
