import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines, spawnDetached } from './detached-process.ts';
import { type EmbeddedServer, EmbeddedServerError } from './embedded-server.ts';
import { freePort } from './free-port.ts';
import { endLeftover } from './leftover-process.ts';

export interface EmbeddedEventStoreOptions {
  /** The ledger's data folder: the log lives in `eventstore` below it, the server's messages in `eventstore.log`. */
  readonly dataDir: string;
  /** Told what takes time, for whoever waits at a terminal. */
  readonly onProgress?: (message: string) => void;
}

/** The server's program; not part of every installation. */
export const eventStoreProgram = fileURLToPath(new URL('../../packages/embedded-eventstore/src/bin.ts', import.meta.url));

/** Where the data folder's event store is. */
export const eventStoreFolder = (dataDir: string): string => join(resolve(dataDir), 'eventstore');

/** Opening a large log after a crash replays the tail of its write-ahead log. */
const startTimeoutMs = 60_000;
const stopGraceMs = 15_000;

/**
 * Starts the event store of this repository's `packages/embedded-eventstore` as a process of its own, on the loopback
 * interface and on the port it had the last time, if that is free. One that a SIGKILL of its ledger left behind on the
 * same folder is ended first.
 *
 * The caller must hold the lock of the data folder.
 *
 * @throws with the end of the server's own messages when it does not come up, or when it is not part of this
 *   installation (the production image has no embedded servers).
 */
export async function startEmbeddedEventStore(options: EmbeddedEventStoreOptions): Promise<EmbeddedServer> {
  if (!existsSync(eventStoreProgram))
    throw new EmbeddedServerError('no embedded event store is installed: set EVENTSTORE_URL to the URL of an EventStoreDB');
  const dataDir = resolve(options.dataDir);
  const folder = eventStoreFolder(dataDir);
  const logFile = join(dataDir, 'eventstore.log');
  // All of the log is in there, for nobody else on this machine to read.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const memory = processMemory(join(dataDir, 'eventstore.process'));
  // The command line names the folder.
  await endLeftover(memory.recall().pid, folder, stopGraceMs);

  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(memory.recall().port);
    options.onProgress?.(`starting the event store on port ${port}`);
    let announce: (url: string) => void = () => undefined;
    const announced = new Promise<string>((done) => {
      announce = done;
    });
    const server = await spawnDetached({
      command: process.execPath,
      args: [eventStoreProgram, '--host', '127.0.0.1', '--port', String(port), '--data', folder],
      logFile,
      directory: dataDir,
      stopSignals: ['SIGTERM'],
      onLine: (line) => {
        const url = /esdb:\/\/\S+/.exec(line)?.[0];
        if (url !== undefined) announce(url);
      },
    });
    memory.remember(server.pid, port);
    const outcome = await Promise.race([
      announced.then((url) => ({ url })),
      server.exited.then((failure) => ({ failure })),
      timeout(startTimeoutMs).then(() => ({ failure: `was not ready after ${startTimeoutMs / 1000} s` })),
    ]);
    if ('url' in outcome) {
      return {
        url: outcome.url,
        pid: server.pid,
        exited: server.exited,
        async stop() {
          await server.stop(stopGraceMs);
          memory.forget();
        },
      };
    }
    await server.stop(stopGraceMs);
    // The port may have been taken between looking for it and using it.
    if (attempt === 3)
      throw new EmbeddedServerError(`the event store ${outcome.failure}; its log (${logFile}) ends:\n${lastLines(logFile)}`);
  }
}

/** A small file with the process id and the port of the running server: the port outlives a clean stop, the id does not. */
function processMemory(file: string) {
  let port: number | undefined;
  return {
    recall(): { pid: number | undefined; port: number | undefined } {
      const [pid, kept] = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').map(Number) : [];
      port = kept;
      return { pid: pid === 0 ? undefined : pid, port: kept };
    },
    remember(pid: number, used: number): void {
      port = used;
      writeFileSync(file, `${pid} ${used}\n`);
    },
    forget(): void {
      if (port === undefined) rmSync(file, { force: true });
      else writeFileSync(file, `0 ${port}\n`);
    },
  };
}

function timeout(milliseconds: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, milliseconds).unref();
  });
}
