// Times to the millisecond, however many digits they come with.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalTime } from '../../src/domain/time.ts';

it('cuts off what is finer than a millisecond', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(digits, (fraction) => {
      expect(canonicalTime(`2026-01-31T12:00:00.${fraction}Z`)).toBe(`2026-01-31T12:00:00.${fraction.padEnd(3, '0').slice(0, 3)}Z`);
    }),
  );
});

it('leaves what it has written as it is, from the year 1 on', () => {
  expect(canonicalTime('0001-01-01T00:00:00Z')).toBe('0001-01-01T00:00:00.000Z');
  expect(canonicalTime('1969-12-31T23:59:59.9999Z')).toBe('1969-12-31T23:59:59.999Z');
  expect(canonicalTime('9999-12-31T23:59:59.999Z')).toBe('9999-12-31T23:59:59.999Z');
});
