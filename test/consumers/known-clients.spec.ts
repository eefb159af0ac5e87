import { expect, test } from 'vitest';
import { makeKnownClients } from '../../src/consumers/known-clients.ts';
import type { Client } from '../../src/identity/clients.ts';

const SHOP: Client = { clientId: 'shop', role: 'producer' };

const noError = (error: unknown): never => expect.unreachable(String(error));

/** Clients of which one is looked up by hand. */
function asked() {
  const lookUps: {
    readonly id: string;
    readonly resolve: (client: Client | undefined) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  const find = (id: string) => new Promise<Client | undefined>((resolve, reject) => void lookUps.push({ id, resolve, reject }));
  return { lookUps, clients: { find } };
}

test('a client is looked up once, by however many messages, and then known', async () => {
  const { lookUps, clients } = asked();
  const known = makeKnownClients({ clients, onError: noError });
  expect(known.known('shop')).toBeUndefined();
  const found = Promise.all([known.find('shop'), known.find('shop'), known.find('shop')]);
  expect(lookUps.map(({ id }) => id)).toEqual(['shop']);
  lookUps[0]?.resolve(SHOP);
  expect(await found).toEqual(Array(3).fill({ kind: 'client', client: SHOP }));
  expect(known.known('shop')).toEqual({ kind: 'client', client: SHOP });
  expect(known.known('other')).toBeUndefined();
});

test('after its time it has to be looked up again', async () => {
  const known = makeKnownClients({ clients: { find: async () => SHOP }, forMs: 30, onError: noError });
  await known.find('shop');
  await expect.poll(() => known.known('shop')).toBeUndefined();
});

test('who is no client is asked for each time, and so is one that could not be looked up, of which is told once', async () => {
  const { lookUps, clients } = asked();
  const errors: unknown[] = [];
  const known = makeKnownClients({ clients, onError: (error) => void errors.push(error) });
  const nobody = known.find('shop');
  lookUps[0]?.resolve(undefined);
  expect(await nobody).toEqual({ kind: 'none' });
  expect(known.known('shop')).toBeUndefined();

  const away = Promise.all([known.find('shop'), known.find('shop')]);
  const error = new Error('Postgres is away');
  lookUps[1]?.reject(error);
  expect(await away).toEqual([{ kind: 'unavailable' }, { kind: 'unavailable' }]);
  expect(errors).toEqual([error]);
  expect(known.known('shop')).toBeUndefined();

  const back = known.find('shop');
  lookUps[2]?.resolve(SHOP);
  expect(await back).toEqual({ kind: 'client', client: SHOP });
});
