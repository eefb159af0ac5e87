import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Annulment } from '../../src/eventstore/annulments.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import type { TestEventStore } from '../stack/eventstore.ts';
import { startEventStore } from '../stack/eventstore.ts';

let server: TestEventStore;
beforeAll(async () => {
  server = await startEventStore();
});
afterAll(() => server.close());

it('are kept in the log: every process has them after its next load, and is told of each once', async () => {
  const annulment: Annulment = {
    eventId: randomUUID(),
    stream: 'account-x',
    revision: 9007199254740993n,
    position: 12n,
    reason: 'by hand',
  };
  const [here, there] = [connectEventStore(server.url), connectEventStore(server.url)];
  const told: Annulment[] = [];
  there.annulments.onLoaded((one) => told.push(one));
  await Promise.all([here.annulments.load(), there.annulments.load()]);
  expect(here.annulments.has(annulment.eventId)).toBe(false);
  await here.annulments.append(annulment);
  await here.annulments.append({ ...annulment, reason: 'again' });
  expect(here.annulments.has(annulment.eventId)).toBe(true);
  expect(there.annulments.has(annulment.eventId)).toBe(false);
  await there.annulments.load();
  await there.annulments.load();
  expect(there.annulments.all()).toEqual([annulment]);
  expect(told).toEqual([annulment]);
  await Promise.all([here.close(), there.close()]);
});
