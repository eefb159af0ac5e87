import { describe, expect, test } from 'vitest';
import { bodyRefusal } from '../../src/api/request-shape.ts';
import { LimitsBody, MoneyBody, UpdateCoinBody } from '../../src/domain/commands.ts';

const refusalOf = (schema: typeof MoneyBody | typeof LimitsBody | typeof UpdateCoinBody, body: unknown) => {
  const parsed = schema.safeParse(body);
  return parsed.success ? undefined : bodyRefusal(schema, body, parsed.error.issues);
};
const errorsOf = (refused: ReturnType<typeof refusalOf>) => refused?.errors?.map(({ pointer }) => pointer);

describe('an amount that is there and wrong, and nothing else wrong, is invalid_amount', () => {
  test.each(['0', '0.00', '-1.00', '+1.00', '01.00', '1.', '.5', '1e3', '1,00', ' 1', '', 'NaN', '9'.repeat(100)])('%j', (amount) => {
    const refused = refusalOf(MoneyBody, { asset: 'USD', amount });
    expect(refused?.code).toBe('invalid_amount');
    expect(new Set(errorsOf(refused))).toEqual(new Set(['#/amount']));
  });
  test.each([12.5, null, {}, true])('%j', (amount) => {
    expect(refusalOf(MoneyBody, { asset: 'USD', amount })?.code).toBe('invalid_amount');
  });
  test('a quantity of zero', () => expect(refusalOf(UpdateCoinBody, { symbol: 'BTC', quantity: '-0.0' })?.code).toBe('invalid_amount'));
  test('one limit of two', () => {
    const refused = refusalOf(LimitsBody, { asset: 'USD', perWithdrawal: '1.00', perDay: '-1' });
    expect(refused?.code).toBe('invalid_amount');
    expect(new Set(errorsOf(refused))).toEqual(new Set(['#/perDay']));
  });
});

describe('anything else wrong is malformed_request', () => {
  test.each([
    ['a missing amount', { asset: 'USD' }, ['#/amount']],
    ['an unknown field', { asset: 'USD', amount: '1.00', note: 'x' }, ['#/note']],
    ['an unknown field with signs of a pointer', { asset: 'USD', amount: '1.00', 'a/b~c': 1 }, ['#/a~1b~0c']],
    ['an unknown field that is half a character', { asset: 'USD', amount: '1.00', '\ud800': 1 }, ['#/%EF%BF%BD']],
    ['a wrong asset beside a wrong amount', { asset: 'usd', amount: '0' }, ['#/asset', '#/amount']],
    ['no object', [], ['#']],
    ['nothing', undefined, ['#']],
  ])('%s', (_what, body, pointers) => {
    const refused = refusalOf(MoneyBody, body);
    expect(refused?.code).toBe('malformed_request');
    expect(errorsOf(refused)).toEqual(pointers);
  });
});

test('of very many faults fifty are named', () => {
  const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field-${index}`, 1]));
  expect(errorsOf(refusalOf(MoneyBody, body))).toHaveLength(50);
});

test('a field whose name has half a character is shown without it', () => {
  const refused = refusalOf(MoneyBody, { asset: 'USD', amount: '1.00', ...JSON.parse('{"\\ud800":1}') });
  expect(errorsOf(refused)).toEqual(['#/%EF%BF%BD']);
});

test('pointers begin where the value stands in the body', () => {
  const { error } = MoneyBody.safeParse({ asset: 'USD', amount: '0' });
  const refused = bodyRefusal(MoneyBody, { asset: 'USD', amount: '0' }, error?.issues ?? [], ['commands', 3]);
  expect(errorsOf(refused)).toEqual(['#/commands/3/amount']);
});
