import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/domain/commands.ts';
import { openedAccountIdOf, principalUuidOf } from '../../src/domain/ids.ts';
import type { ConsumeMessage } from '../../src/rabbitmq/connection.ts';
import { deadLetterOf, redriven } from '../../src/rabbitmq/dead-letters.ts';
import { delivered } from './delivered.ts';
import { ACCOUNT, DEPOSIT, detailOf, LEDGER, published, RULES, read, reasonOf } from './published.ts';

const PRODUCTION = { ...RULES, anonymousProducers: false };

describe('who acts', () => {
  const forged = { 'x-actor': 'operator' };

  it('is never whom a producer’s headers name', () => {
    for (const name of [
      'x-actor',
      'x-only-owner',
      'x-transport',
      'x-correlation-id',
      'x-causation-id',
      'x-if-match',
      'x-dry-run',
      'x-ledger-span',
      'x-user-id',
    ]) {
      for (const userId of ['shop', undefined])
        expect([name, reasonOf(published({ userId, headers: { [name]: LEDGER } }))]).toEqual([name, 'forbidden']);
    }
  });

  it('is known in production', () => {
    expect(reasonOf(published({ userId: undefined }), PRODUCTION)).toBe('unauthenticated');
    expect(reasonOf(published(), PRODUCTION)).toBe('command');
  });

  it('is still the first sender when a dead letter is sent again', () => {
    const again = (message: ConsumeMessage) => delivered(redriven(delivered(deadLetterOf(message, 'forbidden', 'why', LEDGER)), LEDGER));
    expect(read(again(published({ correlationId: 'c' })))).toEqual(read(published({ correlationId: 'c' })));
    expect(read(again(published())).envelope.actor).toBe(principalUuidOf('issuer', 'shop'));
    expect(read(again(again(published()))).envelope.actor).toBe(principalUuidOf('issuer', 'shop'));
    expect(read(again(published({ userId: undefined }))).envelope.actor).toBe(principalUuidOf('amqp', 'anonymous'));
    for (const userId of ['shop', undefined]) {
      expect(reasonOf(again(published({ userId, headers: forged })))).toBe('forbidden');
      expect(reasonOf(again(published({ userId, headers: { ...forged, 'x-user-id': LEDGER } })))).toBe('forbidden');
    }
  });

  it('is not whom a forged dead letter names', () => {
    const claim = { 'x-user-id': LEDGER, 'x-actor': 'operator', 'x-transport': 'rest', 'x-correlation-id': 'c' };
    expect(reasonOf(delivered(redriven(published({ headers: claim }), LEDGER)))).toBe('forbidden');
  });

  it('is a client, or nobody: what is said helps', () => {
    expect(reasonOf(published({ userId: 'stranger' }))).toBe('forbidden');
    expect(detailOf(published({ userId: 'stranger' }))).toContain('ledger clients create stranger --role producer');
    expect(reasonOf(published({ userId: 'no name, for a shell' }))).toBe('forbidden');
    expect(detailOf(published({ userId: 'no name, for a shell' }))).toContain('ledger clients create NAME --role producer');
  });

  it('is the same as over REST', () => {
    for (const userId of ['shop', 'desk']) expect(read(published({ userId })).envelope.actor).toBe(principalUuidOf(RULES.issuer, userId));
  });

  it('is never the ledger itself: without its own headers it speaks for nobody', () => {
    expect(read(published({ userId: LEDGER })).envelope.actor).toBe(principalUuidOf('amqp', 'anonymous'));
    expect(reasonOf(published({ userId: LEDGER }), PRODUCTION)).toBe('forbidden');
  });
});

describe('a role', () => {
  // As API.md and docs/permissions.md have it.
  const SENDERS: Readonly<Record<string, readonly string[]>> = {
    'open-account': ['till', 'desk'],
    deposit: ['till', 'desk', 'shop'],
    withdraw: ['till', 'desk', 'shop'],
    transfer: ['till', 'desk', 'shop'],
    'update-coin': ['till', 'desk'],
    'remove-coin': ['till', 'desk'],
    'place-hold': ['till', 'desk'],
    'capture-hold': ['till', 'desk'],
    'release-hold': ['till', 'desk'],
    'place-order': ['till', 'desk'],
    'fill-order': ['desk', 'shop'],
    'cancel-order': ['till', 'desk'],
    reverse: ['desk'],
    'freeze-account': ['desk'],
    'unfreeze-account': ['desk'],
    'close-account': ['desk'],
    'set-limits': ['desk'],
  };
  const SELF_DEPOSIT = { ...RULES, permissions: { selfDeposit: true } };

  it('sends what it may over REST, and nothing else', () => {
    expect(Object.keys(SENDERS).toSorted()).toEqual(Object.keys(COMMANDS).toSorted());
    for (const [type, senders] of Object.entries(SENDERS)) {
      for (const userId of ['till', 'desk', 'books', 'shop', undefined]) {
        const isForbidden = reasonOf(published({ type, userId, body: {} }), SELF_DEPOSIT) === 'forbidden';
        expect([type, userId, isForbidden]).toEqual([type, userId, !senders.includes(userId ?? 'shop')]);
      }
    }
    for (const userId of ['shop', 'desk']) {
      expect(reasonOf(published({ type: 'register-asset', userId }))).toBe('malformed_request');
      expect(reasonOf(published({ type: 'return-transfer', userId }))).toBe('malformed_request');
    }
  });

  it('that has accounts of its own reaches no others', () => {
    const till = principalUuidOf(RULES.issuer, 'till');
    expect(read(published({ type: 'withdraw', userId: 'till' })).envelope).toMatchObject({ actor: till, onlyOwner: till });
    for (const userId of ['desk', 'shop', undefined])
      expect(read(published({ type: 'withdraw', userId })).envelope).not.toHaveProperty('onlyOwner');
  });

  it('of a user is bound by what binds users', () => {
    expect(reasonOf(published({ userId: 'till' }))).toBe('forbidden'); // a deposit
    expect(reasonOf(published({ userId: 'till' }), SELF_DEPOSIT)).toBe('command');
    const datedBack = { ...DEPOSIT, effectiveAt: '2026-01-02T03:04:05Z' };
    expect(reasonOf(published({ type: 'withdraw', userId: 'till', body: datedBack }))).toBe('forbidden');
    expect(reasonOf(published({ type: 'withdraw', userId: 'desk', body: datedBack }))).toBe('command');
  });

  it('of a user opens the account that REST would open, and it is theirs', () => {
    const till = principalUuidOf(RULES.issuer, 'till');
    const accountId = openedAccountIdOf(till, 'k');
    const opening = (fields: object, routingKey: string = accountId) =>
      published({ type: 'open-account', userId: 'till', body: { accountId: routingKey, ...fields }, routingKey });
    expect(read(opening({})).command).toEqual({ type: 'open-account', accountId, ownerId: till });
    expect(read(opening({ ownerId: till })).command).toEqual({ type: 'open-account', accountId, ownerId: till });
    expect(reasonOf(opening({ ownerId: principalUuidOf(RULES.issuer, 'desk') }))).toBe('forbidden');
    expect(reasonOf(opening({}, ACCOUNT))).toBe('forbidden');
    expect(read(published({ type: 'open-account', userId: 'desk', body: { accountId: ACCOUNT } })).command).toEqual({
      type: 'open-account',
      accountId: ACCOUNT,
    });
  });
});
