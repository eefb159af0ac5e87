import { expect, test } from 'vitest';
import { z } from 'zod';
import { freshVhost } from './rabbitmq.ts';

const named = z.array(z.object({ name: z.string() }));

test('every call gets an empty virtual host of its own, with the users of every node', async () => {
  await using first = await freshVhost();
  await using second = await freshVhost();
  await first.administer('PUT', 'queues/{vhost}/mark', {});
  const queues = async (broker: typeof first): Promise<string[]> =>
    named.parse(await broker.administer('GET', 'queues/{vhost}')).map(({ name }) => name);
  expect(await queues(first)).toEqual(['mark']);
  expect(await queues(second)).toEqual([]);

  const permitted = z.array(z.object({ user: z.string() })).parse(await first.administer('GET', 'vhosts/{vhost}/permissions'));
  expect(permitted.map(({ user }) => user).sort()).toEqual(['guest', 'ledger']);
});
