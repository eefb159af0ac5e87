import { describe, expect, it } from 'vitest';
import { accountRefusal } from '../../src/domain/decide.ts';
import { AssetCodeSchema } from '../../src/domain/ids.ts';
import { isStored } from '../../src/domain/rejections.ts';
import { ACCOUNT, closed, command, deposited, fold, frozen, given, limitsSet, opened, withdrawn } from './given.ts';

const reason = { reason: 'the owner asked' };

describe('open-account', () => {
  it('opens it with the limits of the owner’s first account', () =>
    given()
      .when(command('open-account', { label: 'savings' }), { inheritedLimits: [{ asset: AssetCodeSchema.parse('USD'), perDay: '100.00' }] })
      .thenEvent({ type: 'account-opened', label: 'savings', limits: [{ asset: 'USD', perDay: '100.00' }] }));

  it('refuses an account that exists, and does not write that into its stream', () => {
    given(opened()).when(command('open-account')).thenRejected('already_exists');
    expect(isStored({ code: 'already_exists', detail: '', fields: {}, stored: false })).toBe(false);
  });
});

describe('freeze and unfreeze', () => {
  it('freeze an open account and open it again', () => {
    given(opened())
      .when(command('freeze-account', reason))
      .thenEvent({ type: 'account-frozen', ...reason });
    given(opened(), frozen())
      .when(command('unfreeze-account', reason))
      .thenEvent({ type: 'account-unfrozen', ...reason });
  });

  it('freezing twice is refused; unfreezing what is open is only noted', () => {
    given(opened(), frozen()).when(command('freeze-account', reason)).thenRejected('account_frozen');
    given(opened()).when(command('unfreeze-account', reason)).thenEvent({ type: 'account-unfrozen' });
  });

  it('neither touches a closed account', () => {
    given(opened(), closed()).when(command('freeze-account', reason)).thenRejected('account_closed');
    given(opened(), closed()).when(command('unfreeze-account', reason)).thenRejected('account_closed');
  });
});

describe('close-account', () => {
  it('closes an empty account, frozen or not', () => {
    given(opened(), deposited('1.00 USD'), withdrawn('1.00 USD')).when(command('close-account')).thenEvent({ type: 'account-closed' });
    given(opened(), frozen()).when(command('close-account')).thenEvent({ type: 'account-closed' });
  });

  it('refuses while anything is left', () =>
    given(opened(), deposited('0.01 USD')).when(command('close-account')).thenRejected('account_not_empty'));

  it('refuses a second time', () => given(opened(), closed()).when(command('close-account')).thenRejected('account_closed'));
});

describe('set-limits', () => {
  it('writes them at the asset’s scale, also while frozen', () =>
    given(opened(), frozen())
      .when(command('set-limits', { asset: 'USD', perWithdrawal: '5', perDay: '50.5' }))
      .thenEvent({ type: 'limits-set', asset: 'USD', perWithdrawal: '5.00', perDay: '50.50' }));

  it('replaces what was set', () => {
    const { limits } = fold([opened(), limitsSet('USD', { perDay: '1.00' }), limitsSet('USD', { perWithdrawal: '5.00' })]);
    expect([...limits.values()]).toEqual([{ perWithdrawalMinor: 500n }]);
  });

  it('is refused for a closed account, an unknown asset, an amount that does not fit', () => {
    given(opened(), closed())
      .when(command('set-limits', { asset: 'USD' }))
      .thenRejected('account_closed');
    given(opened())
      .when(command('set-limits', { asset: 'XYZ' }))
      .thenRejected('unknown_asset');
    given(opened())
      .when(command('set-limits', { asset: 'USD', perDay: '1.001' }))
      .thenRejected('invalid_amount');
  });
});

describe('an account that is not there, or somebody else’s', () => {
  const owner = '11111111-1111-4111-8111-111111111111';

  it('answers the same', () => {
    const missing = accountRefusal(command('close-account'), fold([]), undefined);
    const foreign = accountRefusal(command('close-account'), fold([opened({ ownerId: owner })]), '22222222-2222-4222-8222-222222222222');
    expect(missing).toEqual({ code: 'account_not_found', detail: `No account ${ACCOUNT}.`, fields: {} });
    expect(foreign).toEqual(missing);
    expect(accountRefusal(command('close-account'), fold([opened({ ownerId: owner })]), owner)).toBeUndefined();
  });
});
