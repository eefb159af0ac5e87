import fs from 'node:fs';
import { startEventStore } from 'embedded-eventstore';
import { expect, onTestFinished, test } from 'vitest';
import { eventsFile, temporaryFolder } from './harness/folders.ts';
import { connect, event, readEverything } from './harness/official-client.ts';
import { startServerProcess } from './harness/server-process.ts';

const EVENTS = 40;

/** A folder with events in it, left by a server that was stopped cleanly or killed. */
async function filledFolder(signal: 'SIGTERM' | 'SIGKILL'): Promise<string> {
  const folder = temporaryFolder();
  const server = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  const client = connect(server.url);
  for (let n = 0; n < EVENTS; n++) await client.appendToStream(`stream-${n}`, event({ marker: `marker-${n}`, filler: 'x'.repeat(2000) }));
  await client.dispose();
  await server.stop(signal);
  return folder;
}

test('a truncated file is refused at the start, and not changed', async () => {
  const folder = await filledFolder('SIGTERM');
  const file = eventsFile(folder);
  fs.truncateSync(file, fs.statSync(file).size / 2);
  const torn = fs.readFileSync(file);
  await expect(startEventStore({ storage: { directory: folder } })).rejects.toThrow(/events.sqlite is damaged .* nothing was changed/);
  expect(fs.readFileSync(file)).toEqual(torn);
});

test('an overwritten page is found at the start', async () => {
  const folder = await filledFolder('SIGTERM');
  const file = eventsFile(folder);
  const bytes = fs.readFileSync(file);
  bytes.fill(0xa5, 4096 * 3, 4096 * 4);
  fs.writeFileSync(file, bytes);
  await expect(startEventStore({ storage: { directory: folder } })).rejects.toThrow(/is damaged/);
});

test('an event whose bytes changed is never handed out', async () => {
  const folder = await filledFolder('SIGTERM');
  const file = eventsFile(folder);
  const bytes = fs.readFileSync(file);
  bytes.write('Marker-7', bytes.indexOf('marker-7"'));
  fs.writeFileSync(file, bytes);
  const store = await startEventStore({ storage: { directory: folder } });
  onTestFinished(() => store.close());
  const client = connect(store.url);
  await expect(readEverything(client)).rejects.toThrow(/DATA_LOSS: the event at position \d+ is damaged/);
});

test('a write-ahead log torn in its last commit is read up to there', async () => {
  const folder = await filledFolder('SIGKILL');
  const log = `${eventsFile(folder)}-wal`;
  fs.truncateSync(log, fs.statSync(log).size - 100);
  const store = await startEventStore({ storage: { directory: folder } });
  onTestFinished(() => store.close());
  expect(await readEverything(connect(store.url))).toHaveLength(EVENTS - 1);
});

test('a write-ahead log damaged before its last commit is refused: SQLite would forget what is behind', async () => {
  const folder = await filledFolder('SIGKILL');
  const log = `${eventsFile(folder)}-wal`;
  const bytes = fs.readFileSync(log);
  const middle = 32 + Math.floor(bytes.length / 2 / 4120) * 4120 + 1000;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
  fs.writeFileSync(log, bytes);
  await expect(startEventStore({ storage: { directory: folder } })).rejects.toThrow(
    /the write-ahead log is damaged: \d+ commits cannot be read/,
  );
  expect(fs.readFileSync(log)).toEqual(bytes);
});

test('a write-ahead log whose header is damaged is refused', async () => {
  const folder = await filledFolder('SIGKILL');
  const log = `${eventsFile(folder)}-wal`;
  const bytes = fs.readFileSync(log);
  bytes.writeUInt8(bytes.readUInt8(17) ^ 0xff, 17);
  fs.writeFileSync(log, bytes);
  await expect(startEventStore({ storage: { directory: folder } })).rejects.toThrow(/the header of the write-ahead log is damaged/);
});
