#!/usr/bin/env node
import fs from 'node:fs';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { assertNever } from './assert-never.ts';
import { type Command, parseCommandLine, USAGE } from './command-line.ts';
import { importEvents } from './import-events.ts';
import { linesOf } from './lines.ts';
import { startEventStore } from './server.ts';

const EXIT_WRONG_USAGE = 2;

// What goes wrong is said by this program, once and in its own words.
setLogVerbosity(logVerbosity.NONE);

// Messages may go to the very disk that is full, or to somebody who has gone: that must not end a server that can still serve.
process.stderr.on('error', () => undefined);

const command = parseCommandLine(process.argv.slice(2));
switch (command.kind) {
  case 'help':
    process.stdout.write(USAGE);
    break;
  case 'wrong':
    complain(command.reason);
    process.stderr.write(`\n${USAGE}`);
    process.exitCode = EXIT_WRONG_USAGE;
    break;
  case 'serve':
    await serve(command);
    break;
  case 'import':
    await importFile(command);
    break;
  default:
    assertNever(command);
}

async function serve({ host, port, storage, tls, liveBuffer }: Extract<Command, { kind: 'serve' }>): Promise<void> {
  try {
    const store = await startEventStore({
      host,
      port,
      storage,
      report: complain,
      ...(tls === null ? {} : { tls: { cert: fs.readFileSync(tls.cert), key: fs.readFileSync(tls.key) } }),
      ...(liveBuffer === null ? {} : { liveBuffer }),
    });
    const stop = (): void => void store.close();
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    process.stdout.write(`embedded-eventstore ready ${store.url}\n`);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

async function importFile({ directory, file }: Extract<Command, { kind: 'import' }>): Promise<void> {
  try {
    const count = await importEvents(directory, linesOf(fs.createReadStream(file, 'utf8')));
    process.stdout.write(`embedded-eventstore imported ${count} events\n`);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

function complain(problem: string): void {
  process.stderr.write(`embedded-eventstore: ${problem}\n`);
}
