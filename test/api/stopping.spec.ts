import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { TestApi } from './api-stack.ts';
import { newKey, openedAccount, startTestApi } from './api-stack.ts';

let api: TestApi;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
afterEach(async () => {
  agent.destroy();
  await api.close();
});

interface Heard {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly body: string;
}

/** Asks over the one connection that the agent keeps alive. */
async function ask(path: string, body?: object): Promise<Heard> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': newKey() };
  const asked = request(`${api.url}${path}`, { agent, method: body === undefined ? 'GET' : 'POST', headers });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const [heard]: IncomingMessage[] = (await once(asked, 'response')) as [IncomingMessage];
  if (heard === undefined) throw new Error('no response');
  return { status: heard.statusCode, connection: heard.headers.connection, body: await text(heard) };
}

test('what was accepted is answered, its connection is let go, and no more is taken', async () => {
  api = await startTestApi();
  const accountId = await openedAccount(api);
  const { pid } = api.stack.stores.eventStore;
  expect((await ask('/health/ready')).connection).toBe('keep-alive');

  process.kill(pid, 'SIGSTOP'); // so that a command is surely under way
  const underWay = ask(`/v1/accounts/${accountId}/deposits`, { asset: 'USD', amount: '1.00' });
  while (api.stack.commands.waiting() === 0) await new Promise(setImmediate);
  const closed = api.app.close();
  while (api.app.server.listening) await new Promise(setImmediate);
  await expect(fetch(`${api.url}/health/live`)).rejects.toThrow();
  process.kill(pid, 'SIGCONT');

  expect(await underWay).toMatchObject({ status: 201, connection: 'close' });
  await closed;
});

test('readiness says so before connections are refused', async () => {
  api = await startTestApi({ app: { stopDelayMs: 300 } });
  expect((await ask('/health/ready')).status).toBe(200);
  const closed = api.app.close();
  const heard = await fetch(`${api.url}/health/ready`);
  expect([heard.status, await heard.json()]).toEqual([
    503,
    { status: 'not ready', checks: { process: { ok: false, detail: 'stopping' } } },
  ]);
  // What comes in meanwhile is still answered.
  expect((await fetch(`${api.url}/v1/assets`)).status).toBe(200);
  await closed;
});
