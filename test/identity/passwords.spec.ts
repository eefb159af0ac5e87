import { parseOptions, verify } from '@node-rs/argon2';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { makePasswords } from '../../src/identity/passwords.ts';

// As it is, with its calls written down.
vi.mock('@node-rs/argon2', { spy: true });
beforeEach(() => {
  vi.mocked(verify).mockClear();
});

const PASSWORD = 'correct horse battery staple';
const passwords = makePasswords();
const hashed = async (password: string): Promise<string> => (await passwords.hash(password)) ?? '';

describe('a password', () => {
  it('is kept as argon2id with 19 MiB, two passes, one lane and a salt of its own', async () => {
    const [one, other] = [await hashed(PASSWORD), await hashed(PASSWORD)];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(parseOptions(one)).toMatchObject({ saltLen: 16, outputLen: 32 });
    expect(one).not.toBe(other);
  });

  it('is known again, and no other is taken for it', async () => {
    const hash = await hashed(PASSWORD);
    expect(await passwords.verify(PASSWORD, hash)).toEqual({ isRight: true, isOutdated: false });
    expect(await passwords.verify(`${PASSWORD} `, hash)).toEqual({ isRight: false, isOutdated: false });
  });

  it('is the same however its characters were put together', async () => {
    expect(await passwords.verify('Zu\u0308rich-Nord', await hashed('Z\u00fcrich-Nord'))).toMatchObject({ isRight: true });
  });

  it('is outdated where it was hashed with other parameters', async () => {
    const { hash } = await import('@node-rs/argon2');
    const weak = await hash(PASSWORD, { memoryCost: 8_192, timeCost: 2, parallelism: 1 });
    expect(await passwords.verify(PASSWORD, weak)).toEqual({ isRight: true, isOutdated: true });
  });

  it('of nobody costs the work of somebody’s: one check, with the same parameters, against a hash as long', async () => {
    const hash = await hashed(PASSWORD);
    await passwords.verify('a wrong password', hash);
    await passwords.verify('a wrong password', undefined);
    const checked = vi.mocked(verify).mock.calls.map(([against]) => String(against));
    expect(checked).toHaveLength(2);
    expect(checked[0]).toBe(hash);
    expect(parseOptions(checked[1] ?? '')).toEqual(parseOptions(hash));
    expect(await passwords.verify(PASSWORD, undefined)).toEqual({ isRight: false, isOutdated: false });
  });
});

describe('hashing', () => {
  it('goes on for as many at a time as it may, holds as many back, and turns the rest away', async () => {
    const few = makePasswords({ atOnce: 2, waiting: 3 });
    let underWay = 0;
    let most = 0;
    vi.mocked(verify).mockImplementation(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return true;
    });
    const asked = Array.from({ length: 9 }, () => few.verify(PASSWORD, undefined));
    const verdicts = await Promise.all(asked);
    expect(verdicts.map((verdict) => verdict !== undefined)).toEqual([true, true, true, true, true, false, false, false, false]);
    expect(most).toBe(2);
    // Whoever failed has given the place back, too.
    vi.mocked(verify).mockRejectedValue(new Error('broken'));
    await Promise.allSettled(Array.from({ length: 5 }, () => few.verify(PASSWORD, undefined)));
    vi.mocked(verify).mockResolvedValue(true);
    expect(await few.verify(PASSWORD, undefined)).toBeDefined();
    vi.mocked(verify).mockRestore();
  });
});
