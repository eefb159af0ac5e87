import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from './harness/folders.ts';
import { connect, event, readEverything } from './harness/official-client.ts';
import { PATIENTLY, runToEnd, startServerProcess } from './harness/server-process.ts';

const line = (position: number, stream: string, revision: number, more: object = {}): string =>
  JSON.stringify({
    position: `${position}`,
    stream,
    revision: `${revision}`,
    id: randomUUID(),
    type: 'tested',
    data: { position },
    ...more,
  });

function fileOf(folder: string, lines: readonly string[]): string {
  const file = path.join(folder, 'events.jsonl');
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

test('what was imported is served at the positions it had, and goes on from there', async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'data');
  const lines = [line(40, 'a', 0, { metadata: { n: '1' } }), '{"kind":"remark"}', line(1000, 'b', 0), line(5_000_000_000, 'a', 1)];
  const imported = await runToEnd({ args: ['--data', data, '--import', fileOf(folder, lines)] });
  expect(imported).toMatchObject({ code: 0, stdout: 'embedded-eventstore imported 3 events\n', stderr: '' });
  const server = await startServerProcess({ args: ['--port', '0', '--data', data] });
  const client = connect(server.url);
  const events = await readEverything(client);
  expect(events.map(({ position, streamId, revision }) => [position.commit, streamId, revision])).toEqual([
    [40n, 'a', 0n],
    [1000n, 'b', 0n],
    [5_000_000_000n, 'a', 1n],
  ]);
  expect(events.map(({ data: content }) => content)).toEqual([{ position: 40 }, { position: 1000 }, { position: 5_000_000_000 }]);
  expect(events.map(({ metadata }) => metadata)).toEqual([{ n: '1' }, undefined, undefined]);
  const { nextExpectedRevision, position } = await client.appendToStream('a', event(), { expectedRevision: 1n });
  expect(nextExpectedRevision).toBe(2n);
  expect(position?.commit).toBeGreaterThan(5_000_000_000n);
});

test('only a line feed ends a line: JSON may have any other line separator in a string', async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'data');
  const texts = ['one\u2028two', 'one\u2029two', 'one\u0085two', 'ä'.repeat(100_000)];
  const file = fileOf(
    folder,
    texts.map((text, n) => line(n + 1, 'a', n, { data: { text } })),
  );
  expect(await runToEnd({ args: ['--data', data, '--import', file] })).toMatchObject({ code: 0, stderr: '' });
  const server = await startServerProcess({ args: ['--port', '0', '--data', data] });
  expect((await readEverything(connect(server.url))).map((imported) => imported.data)).toEqual(texts.map((text) => ({ text })));
});

test.each([
  ['no JSON', ['x'], 'line 1 is not a JSON object'],
  ['a position that does not grow', [line(40, 'a', 0), line(40, 'a', 1)], 'line 2: position 40 does not come after 40'],
  ['a position that reads begin behind', [line(0, 'a', 0)], 'line 1: position 0 does not come after 0'],
  ['a revision left out', [line(40, 'a', 0), line(80, 'a', 2)], 'line 2: a@2 does not come after a@0'],
  ['an id that is none', [line(40, 'a', 0, { id: 'x' })], 'line 1 has no id'],
  ['a position beyond what can be said', [line(40, 'a', 0, { position: '9007199254740993' })], 'line 1 has no position or no revision'],
])('%s is refused, and no folder is left', async (_, lines, reason) => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'data');
  const refused = await runToEnd({ args: ['--data', data, '--import', fileOf(folder, lines)] });
  expect(refused).toMatchObject({ code: 1, stdout: '', stderr: `embedded-eventstore: ${reason}\n` });
  expect(fs.readdirSync(folder)).toEqual(['events.jsonl']);
});

test('a folder that is not empty is left alone, and what an interrupted import left is not in the way', async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'data');
  const left = `${data}.importing-ABCDEF`;
  fs.mkdirSync(left);
  fs.writeFileSync(path.join(left, 'events.sqlite'), 'half');
  const file = fileOf(folder, [line(40, 'a', 0)]);
  expect(await runToEnd({ args: ['--data', data, '--import', file] })).toMatchObject({ code: 0 });
  expect(fs.readdirSync(folder).toSorted()).toEqual(['data', 'events.jsonl']);
  const before = fs.readFileSync(path.join(data, 'events.sqlite'));
  const refused = await runToEnd({ args: ['--data', data, '--import', file] });
  expect(refused).toMatchObject({ code: 1, stderr: `embedded-eventstore: the data folder ${data} is not empty\n` });
  expect(fs.readFileSync(path.join(data, 'events.sqlite'))).toEqual(before);
});

test('one that was left behind alone never puts the half of another into place', async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'data');
  /** An import that has made its folder, and waits for more lines. */
  async function begin(name: string) {
    const lines = path.join(folder, name);
    execFileSync('mkfifo', [lines]);
    const before = fs.readdirSync(folder);
    const ended = runToEnd({ args: ['--data', data, '--import', lines] });
    const source = await open(lines, 'w');
    await source.write(`${line(40, name, 0)}\n`);
    await vi.waitUntil(() => fs.readdirSync(folder).some((entry) => !before.includes(entry)), PATIENTLY);
    return { source, ended };
  }
  const orphan = await begin('orphan');
  const next = await begin('next');
  await orphan.source.close();
  expect(await orphan.ended).toMatchObject({ code: 1 });
  expect(fs.existsSync(data)).toBe(false);
  await next.source.write(`${line(80, 'next', 1)}\n`);
  await next.source.close();
  expect(await next.ended).toMatchObject({ code: 0, stdout: 'embedded-eventstore imported 2 events\n' });
  expect(fs.readdirSync(folder).toSorted()).toEqual(['data', 'next', 'orphan']);
});
