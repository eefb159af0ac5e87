import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { eventually } from '../scenarios/eventually.ts';
import { openLink } from './link.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());

/** A server that says everything back, and what it has heard. */
async function startEcho() {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard.push(data.toString());
      socket.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.defer(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { heard, port: address.port };
}

async function connectedLink() {
  const { heard, port } = await startEcho();
  const link = opened.adopt(await openLink(() => port), ({ close }) => close());
  const open = (): { readonly socket: Socket; readonly said: () => string; readonly isClosed: () => boolean } => {
    const socket = connect(link.port, '127.0.0.1');
    let said = '';
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    return { socket, said: () => said, isClosed: () => socket.destroyed };
  };
  return { link, heard, open };
}

test('a link in order passes everything on', async () => {
  const { open } = await connectedLink();
  const { socket, said } = open();
  socket.write('hello');
  await eventually('the echo', () => said() !== '');
  expect(said()).toBe('hello');
});

test('a slow link passes everything on, later and in order', async () => {
  const { link, open } = await connectedLink();
  const broken = link.break({ kind: 'delay', delayMs: 30 });
  const { socket, said } = open();
  socket.write('one ');
  await eventually('something was late', () => broken.strikes() > 0);
  broken.mend();
  socket.write('two');
  await eventually('the echo', () => said().length >= 'one two'.length);
  expect(said()).toBe('one two');
});

test('a link that is cut resets what is there, and takes nothing new until it is mended', async () => {
  const { link, open } = await connectedLink();
  const before = open();
  before.socket.write('hello');
  await eventually('the echo', () => before.said() === 'hello');
  const broken = link.break({ kind: 'cut' });
  await eventually('the connection is reset', before.isClosed);
  const meanwhile = open();
  await eventually('no other is taken', meanwhile.isClosed);
  expect(broken.strikes()).toBe(2);
  broken.mend();
  const after = open();
  after.socket.write('again');
  await eventually('the echo', () => after.said() === 'again');
});

test.for([
  ['there', false],
  ['back', true],
] as const)('a half-open link swallows what goes %s, and is reset when it is mended', async ([direction, isHeard]) => {
  const { link, heard, open } = await connectedLink();
  const { socket, said, isClosed } = open();
  const broken = link.break({ kind: 'half-open', direction });
  socket.write('hello');
  await eventually('it is swallowed', () => broken.strikes() > 0);
  expect(heard).toEqual(isHeard ? ['hello'] : []);
  broken.mend();
  await eventually('the connection is reset', isClosed);
  expect(said()).toBe('');
});

test('a link that is cut inside a message lets its first bytes through, and nothing of the rest', async () => {
  const { link, heard, open } = await connectedLink();
  const { socket, isClosed } = open();
  const broken = link.break({ kind: 'cut-inside', direction: 'there', afterBytes: 7 });
  socket.write('hello');
  await eventually('the first is heard', () => heard.join('') === 'hello');
  socket.write('world');
  await eventually('the connection is reset', isClosed);
  expect(broken.strikes()).toBe(1);
  expect('hellowo'.startsWith(heard.join(''))).toBe(true);
});

test('the answer to a request is lost, and those on other connections are not', async () => {
  const { link, heard, open } = await connectedLink();
  const [asking, other] = [open(), open()];
  const broken = link.break({ kind: 'lost-answer', request: 'append' });
  asking.socket.write('append');
  await eventually('the answer is swallowed', () => broken.strikes() > 0);
  other.socket.write('read');
  await eventually('the other is answered', () => other.said() === 'read');
  expect([...heard].sort()).toEqual(['append', 'read']);
  expect(asking.said()).toBe('');
  broken.mend();
  await eventually('the connection is reset', asking.isClosed);
});
