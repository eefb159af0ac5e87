import type { EventEmitter } from 'node:events';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { startEventStore } from 'embedded-eventstore';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { SERVICE } from '../src/grpc/service.ts';
import { connect, event, readEverything } from './harness/official-client.ts';

const pass = (message: Buffer): Buffer => message;

/** Sends the messages to a method and waits for the end of the call, for a second at most: a subscription has none. */
function send(client: Client, { path, requestStream, responseStream }: (typeof SERVICE)['read'], messages: Buffer[]): Promise<status> {
  return new Promise((resolve) => {
    const deadline = { deadline: Date.now() + 1000 };
    const answer = (error: ServiceError | null): void => resolve(error?.code ?? status.OK);
    const [first = Buffer.alloc(0)] = messages;
    const watch = (call: EventEmitter): void => {
      call.on('data', () => {});
      call.on('error', () => {});
      call.on('status', ({ code }) => resolve(code));
    };
    if (responseStream && requestStream) {
      const call = client.makeBidiStreamRequest(path, pass, pass, deadline);
      watch(call);
      for (const message of messages) call.write(message);
      call.end();
    } else if (responseStream) {
      watch(client.makeServerStreamRequest(path, pass, pass, first, deadline));
    } else if (requestStream) {
      const call = client.makeClientStreamRequest(path, pass, pass, deadline, answer);
      for (const message of messages) call.write(message);
      call.end();
    } else {
      client.makeUnaryRequest(path, pass, pass, first, deadline, answer);
    }
  });
}

test('whatever bytes come, the call ends with a status of its own and the server goes on', async () => {
  const store = await startEventStore({ storage: 'memory' });
  onTestFinished(() => store.close());
  const client = new Client(`${store.host}:${store.port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const message = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.values(SERVICE)),
      fc.array(message, { minLength: 1, maxLength: 4 }),
      async (method, messages) => {
        const code = await send(client, method, messages);
        expect([status.INTERNAL, status.UNAVAILABLE, status.CANCELLED]).not.toContain(code);
      },
    ),
    { numRuns: 300 },
  );
  const official = connect(store.url);
  await official.appendToStream('still-here', event());
  expect(await readEverything(official, 'still-here')).toHaveLength(1);
});
