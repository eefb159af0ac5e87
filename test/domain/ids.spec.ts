import { describe, expect, it } from 'vitest';
import { codesNamedBy } from '../../src/domain/assets.ts';
import { canonicalCommand } from '../../src/domain/commands.ts';
import { accountStream, subjectOf } from '../../src/domain/events.ts';
import { AccountIdSchema, AssetCodeSchema, assetScopeOf, commandIdOf, openedAccountIdOf, principalUuidOf } from '../../src/domain/ids.ts';
import { upcast } from '../../src/domain/upcast.ts';
import { ACCOUNT, command } from './given.ts';

describe('ids', () => {
  it('of commands are UUIDv5 of account and key: the published vectors', () => {
    const dnsNamespace = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'; // RFC 9562, appendix A.4
    expect(commandIdOf(dnsNamespace, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('of the same key on another account are another command', () => {
    const other = AccountIdSchema.parse('7c9e6679-7425-40de-944b-e07fc1f90ae8');
    expect(commandIdOf(ACCOUNT, 'k')).not.toBe(commandIdOf(other, 'k'));
  });

  it('of principals are their subject where that is a UUID', () => {
    expect(principalUuidOf('dev', ACCOUNT.toUpperCase())).toBe(ACCOUNT);
    expect(principalUuidOf('dev', 'alice')).toBe(principalUuidOf('dev', 'alice'));
    expect(principalUuidOf('dev', 'alice')).not.toBe(principalUuidOf('other', 'alice'));
  });

  it('derive the account that is opened, and the scope of an asset', () => {
    expect(openedAccountIdOf(ACCOUNT, 'k')).toBe(commandIdOf(ACCOUNT, 'k'));
    expect(assetScopeOf(AssetCodeSchema.parse('USD'))).toBe(commandIdOf('00000000-0000-0000-0000-000000000000', 'USD'));
  });

  it('name one stream per account', () => {
    expect(subjectOf(accountStream(ACCOUNT))).toEqual({ kind: 'account', accountId: ACCOUNT });
    expect(subjectOf(`account-${ACCOUNT.toUpperCase()}`)).toBeUndefined();
    expect(subjectOf('asset-USD')).toEqual({ kind: 'asset', code: 'USD' });
    expect(subjectOf('asset-usd')).toBeUndefined();
    expect(subjectOf('invoice-1')).toBeUndefined();
  });
});

describe('symbols', () => {
  it.each([
    ['btcusdt', ['BTCUSDT', 'BTC']],
    ['BTC', ['BTC']],
    ['ethbtc', ['ETHBTC', 'ETH']],
    ['usdt', ['USDT']],
    ['b!', []],
  ])('%s may mean %j', (symbol, codes) => expect(codesNamedBy(symbol)).toEqual(codes));
});

describe('the same command', () => {
  it('is the same however its amounts are spelled', () =>
    expect(canonicalCommand(command('deposit', { asset: 'USD', amount: '1.50' }))).toEqual(
      canonicalCommand(command('deposit', { asset: 'USD', amount: '1.5' })),
    ));

  it('is another with another field', () =>
    expect(canonicalCommand(command('deposit', { asset: 'USD', amount: '1.5', reference: 'r' }))).not.toEqual(
      canonicalCommand(command('deposit', { asset: 'USD', amount: '1.5' })),
    ));
});

describe('upcasting', () => {
  it('takes an old version through every step to the newest', () => {
    const steps = { 1: (data: object) => ({ ...data, b: 2 }), 2: (data: object) => ({ ...data, c: 3 }) };
    expect(upcast({ version: 1, a: 1 }, steps)).toEqual({ version: 3, a: 1, b: 2, c: 3 });
    expect(upcast({ version: 3, a: 1 }, steps)).toEqual({ version: 3, a: 1 });
  });
});

describe('texts', () => {
  it.each(['a\u0000b', 'a\nb', '\ud800', ''])('%j is refused', (reference) =>
    expect(() => command('deposit', { asset: 'USD', amount: '1', reference })).toThrow(),
  );
  it('may be in any script', () => expect(command('deposit', { asset: 'USD', amount: '1', reference: 'Miete März 🏠' })).toBeDefined());
});
