import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { loadOptionsFrom } from '../src/options.ts';

const parsed = (...args: readonly string[]) => loadOptionsFrom(['node', 'ledgerfold-load', ...args]);
const TARGET = ['--url', 'http://ledger.example:3000/', '--operator-token', 'x'] as const;

test('a hundred a second for a minute by a hundred users, where nothing else is said', () => {
  expect(parsed(...TARGET)).toMatchObject({
    url: 'http://ledger.example:3000',
    access: { token: 'x' },
    amqpUrl: undefined,
    rps: 100,
    durationS: 60,
    users: 100,
    seed: undefined,
    tolerated: new Set(),
    json: false,
  });
});

test('an overload is for half a minute, with more under way than a service lets in, where nothing else is said', () => {
  expect(parsed(...TARGET)).toMatchObject({ overload: undefined, warmUpS: 5, maxInFlight: 1_000 });
  expect(parsed(...TARGET, '--overload', '3000')).toMatchObject({ overload: { rps: 3_000, durationS: 30 }, maxInFlight: 5_000 });
  const given = ['--rps', '1000', '--overload', '50', '--overload-for', '3', '--max-in-flight', '20'] as const;
  expect(parsed(...TARGET, ...given)).toMatchObject({ overload: { rps: 50, durationS: 3 }, warmUpS: 10, maxInFlight: 20 });
});

test('credentials of a client instead of a token', () => {
  expect(parsed('--url', 'https://ledger.example', '--client-id', 'load', '--client-secret', 's').access).toEqual({
    credentials: { clientId: 'load', clientSecret: 's' },
  });
});

test.each([
  ['no ledger', ['--operator-token', 'x']],
  ['no credentials', ['--url', 'http://ledger.example']],
  ['half of them', ['--url', 'http://ledger.example', '--client-id', 'load']],
  ['both kinds', [...TARGET, '--client-id', 'load', '--client-secret', 's']],
  ['another protocol', ['--url', 'ftp://ledger.example', '--operator-token', 'x']],
  ['no number', [...TARGET, '--rps', 'fast']],
  ['one user', [...TARGET, '--users', '1']],
  ['half a user', [...TARGET, '--users', '2.5']],
  ['a trouble that there is not', [...TARGET, '--tolerate', 'errors']],
  ['an option that there is not', [...TARGET, '--speed', '3']],
])('wrong use is said: %s', (_, args) => {
  expect(() => parsed(...args)).toThrow(CommanderError);
});
