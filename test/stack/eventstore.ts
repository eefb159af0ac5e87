import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { lastingPort } from './lasting-port.ts';
import { scratchFolder } from './scratch-folder.ts';

export interface TestEventStore extends AsyncDisposable {
  /** `esdb://127.0.0.1:PORT?tls=false`, for the official client. The same after a `restart`. */
  readonly url: string;
  /** The ledger's data folder in which it is: the log is `eventstore/events.sqlite`. */
  readonly dataDir: string;
  /** The server's process, for tests that stop (SIGSTOP) or kill it. */
  readonly pid: number;
  /** Ends the server as a power cut would. What was acknowledged must still be there after `restart`. */
  kill(): Promise<void>;
  /** Stops it in order; `restart` starts it again. */
  stop(): Promise<void>;
  /** Starts the server again, on the same data and the same port. Stops it first if it still runs. */
  restart(): Promise<void>;
  /** Stops the server and deletes its data. */
  close(): Promise<void>;
}

/** Puts a port where an event store in that folder remembers its own. */
export async function rememberPort(dataDir: string): Promise<void> {
  await writeFile(join(dataDir, 'eventstore.process'), `0 ${await lastingPort()}\n`);
}

/**
 * A real event store server with an empty log, in a process of its own: `$all` holds what this test file writes and
 * nothing else. It takes about half a second to start; share one per file.
 *
 * @example
 * ```ts
 * const eventStore = await startEventStore();
 * afterAll(eventStore.close);
 * ```
 */
export async function startEventStore(): Promise<TestEventStore> {
  const dataDir = await scratchFolder();
  await rememberPort(dataDir);
  let server = await startEmbeddedEventStore({ dataDir });
  const close = async (): Promise<void> => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return {
    get url() {
      return server.url;
    },
    dataDir,
    get pid() {
      return server.pid;
    },
    async kill() {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
    },
    stop: () => server.stop(),
    async restart() {
      await server.stop();
      server = await startEmbeddedEventStore({ dataDir });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
