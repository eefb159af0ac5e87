// Passwords at rest: argon2id, and a bound on how much of that work anybody can ask for at a time.
import { randomBytes } from 'node:crypto';
import { hash, parseOptions, verify } from '@node-rs/argon2';

/**
 * argon2id with 19 MiB, two passes and one lane: what OWASP's Password Storage Cheat Sheet asks for where a server hashes for many at a
 * time (RFC 9106, section 4, prefers 64 MiB, for those who hash one at a time). Half the memory or one pass less would be cheaper for
 * whoever stole the table; more memory would be dearer for us, at the very moment in which many log in.
 */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** As many at a time: 38 MiB, and half of the four threads that Node also reads files and looks up names with. */
const AT_ONCE = 2;
/** As many may wait for those: a second or two on a slow machine. Whoever comes then comes back later. */
const WAITING = 64;

/** What became of checking a password. */
export interface Verdict {
  readonly isRight: boolean;
  /** The hash was made with other parameters than are in use now. */
  readonly isOutdated: boolean;
}

export interface Passwords {
  /** @returns a PHC string; undefined where too many passwords are being looked at. */
  hash(password: string): Promise<string | undefined>;
  /**
   * Checks a password against a hash; without one (there is no such user) it does the same work for nothing, so that the time it takes
   * does not tell. @returns undefined where too many passwords are being looked at.
   */
  verify(password: string, passwordHash: string | undefined): Promise<Verdict | undefined>;
}

export interface PasswordLimits {
  readonly atOnce?: number;
  readonly waiting?: number;
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
/** The hash of no password: its digest is chance. Checking against it costs what checking against a user's costs. */
const nobodysHash = (): string => {
  const { memoryCost, timeCost, parallelism } = PARAMETERS;
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(randomBytes(SALT_BYTES))}$${base64(randomBytes(HASH_BYTES))}`;
};

/** One password can be typed as several sequences of code points; these are made one (RFC 8265, 4.2.2). */
const typed = (password: string): string => password.normalize('NFC');

function isOutdated(passwordHash: string): boolean {
  const made = parseOptions(passwordHash);
  return (['memoryCost', 'timeCost', 'parallelism'] as const).some((name) => made[name] !== PARAMETERS[name]);
}

/** Hashes and checks passwords, `atOnce` at a time, while at most `waiting` others wait. */
export function makePasswords({ atOnce = AT_ONCE, waiting = WAITING }: PasswordLimits = {}): Passwords {
  const queue: (() => void)[] = [];
  let running = 0;

  async function inTurn<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (running >= atOnce) {
      if (queue.length >= waiting) return undefined;
      // Whoever is done hands their place over, so that nobody who comes new can take it.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  }

  return {
    hash: (password) => inTurn(() => hash(typed(password), PARAMETERS)),
    verify: (password, passwordHash) =>
      inTurn(async () => {
        const isRight = await verify(passwordHash ?? nobodysHash(), typed(password));
        return { isRight: isRight && passwordHash !== undefined, isOutdated: passwordHash !== undefined && isOutdated(passwordHash) };
      }),
  };
}
