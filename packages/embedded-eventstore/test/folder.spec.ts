import fs from 'node:fs';
import path from 'node:path';
import { startEventStore } from 'embedded-eventstore';
import { expect, onTestFinished, test } from 'vitest';
import { eventsFile, temporaryFolder } from './harness/folders.ts';
import { connect, event, readEverything } from './harness/official-client.ts';
import { runToEnd, startServerProcess } from './harness/server-process.ts';

test('a folder in use is refused by name, in another process and in the same one', async () => {
  const folder = temporaryFolder();
  const server = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  const second = await runToEnd({ args: ['--port', '0', '--data', folder] });
  expect(second).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `embedded-eventstore: the data folder ${folder} is in use by another embedded-eventstore\n`,
  });
  await expect(startEventStore({ storage: { directory: folder } })).rejects.toThrow(`${folder} is in use`);
  const client = connect(server.url);
  await expect(client.appendToStream('still-served', event())).resolves.toMatchObject({ success: true });
});

test('a server that was killed leaves no lock behind', async () => {
  const folder = temporaryFolder();
  const killed = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  await killed.stop('SIGKILL');
  const store = await startEventStore({ storage: { directory: folder } });
  onTestFinished(() => store.close());
  expect(store.url).toMatch(/^esdb:\/\/127\.0\.0\.1:\d+\?tls=false$/);
});

test('a folder that cannot be made is refused by name', async () => {
  const file = path.join(temporaryFolder(), 'a-file');
  fs.writeFileSync(file, '');
  await expect(startEventStore({ storage: { directory: file } })).rejects.toThrow(`cannot use the data folder ${file}`);
});

test('the database of something else is left alone', async () => {
  const folder = temporaryFolder();
  fs.writeFileSync(eventsFile(folder), 'not a database, but long enough to be read as the header of one: '.repeat(100));
  const before = fs.readFileSync(eventsFile(folder));
  await expect(startEventStore({ storage: { directory: folder } })).rejects.toThrow(`${eventsFile(folder)} is damaged`);
  expect(fs.readFileSync(eventsFile(folder))).toEqual(before);
});

test('memory storage makes no files', async () => {
  const folder = temporaryFolder();
  const server = await startServerProcess({ args: ['--port', '0', '--memory'], through: ['env', '-C', folder] });
  const client = connect(server.url);
  await client.appendToStream('in-memory', event());
  expect(await readEverything(client)).toHaveLength(1);
  expect(fs.readdirSync(folder)).toEqual([]);
});
