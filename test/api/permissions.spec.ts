import { describe, expect, test } from 'vitest';
import { sendingRefusal } from '../../src/api/permissions.ts';
import { COMMANDS } from '../../src/domain/commands.ts';
import { COMMAND_ACCESS } from '../../src/identity/access.ts';
import { principalFrom } from '../../src/identity/principal.ts';
import { ROLES } from '../../src/identity/roles.ts';

const USER_ID = '3f1d0c52-4a3f-4c55-8a86-1d2b1c0f6a10';
const user = principalFrom('test', USER_ID, 'user', 'alice');
const open = { selfDeposit: true };
const closed = { selfDeposit: false };

const types = [...(Object.keys(COMMANDS) as (keyof typeof COMMANDS)[]), 'register-asset'] as const;
test.each(types.flatMap((type) => ROLES.map((role) => ({ type, role }))))('$role and $type', ({ type, role }) => {
  const refused = sendingRefusal(principalFrom('test', 'somebody', role, 'somebody'), type, {}, open);
  expect(refused?.code).toBe(COMMAND_ACCESS[type][role] === 'none' ? 'forbidden' : undefined);
});

test('only operators and producers say when a thing took effect', () => {
  const body = { asset: 'USD', amount: '1.00', effectiveAt: '2020-01-01T00:00:00Z' };
  for (const type of ['deposit', 'withdraw'] as const) {
    expect(sendingRefusal(user, type, body, open)?.code).toBe('forbidden');
    expect(sendingRefusal(user, type, { ...body, effectiveAt: null }, open)?.code).toBe('forbidden');
    for (const role of ['operator', 'producer'] as const)
      expect(sendingRefusal(principalFrom('test', 'somebody', role, 'somebody'), type, body, open)).toBeUndefined();
  }
});

describe('a user who opens an account', () => {
  test.each([
    [{}, undefined],
    [{ label: 'mine', ownerId: USER_ID.toUpperCase() }, undefined],
    [{ accountId: USER_ID }, 'forbidden'],
    [{ accountId: null }, 'forbidden'],
    [{ ownerId: '11111111-1111-4111-8111-111111111111' }, 'forbidden'],
    [{ ownerId: 7 }, 'forbidden'],
  ])('%j', (body, code) => {
    expect(sendingRefusal(user, 'open-account', body, open)?.code).toBe(code);
  });
});

describe('a user who credits themselves', () => {
  test.each([
    ['deposit', { asset: 'USD', amount: '1.00' }],
    ['update-coin', { symbol: 'BTC', quantity: '1' }],
    ['update-coin', { symbol: 'BTC', quantity: '+1' }],
  ] as const)('%s %j', (type, body) => {
    expect(sendingRefusal(user, type, body, open)).toBeUndefined();
    expect(sendingRefusal(user, type, body, closed)?.code).toBe('forbidden');
  });
  test('taking out is no credit', () => {
    expect(sendingRefusal(user, 'update-coin', { symbol: 'BTC', quantity: '-1' }, closed)).toBeUndefined();
    expect(sendingRefusal(user, 'withdraw', { asset: 'USD', amount: '1.00' }, closed)).toBeUndefined();
  });
  test('a body that is none is left to the check of shapes', () => {
    for (const body of [undefined, null, [], 'text', { quantity: 1 }])
      expect(sendingRefusal(user, 'update-coin', body, closed)).toBeUndefined();
  });
});
