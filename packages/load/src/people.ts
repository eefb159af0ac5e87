// Who the load is from: users, registered for real, each with an account that is funded before the load begins.
import { randomBytes } from 'node:crypto';
import type { Command, ConnectionOptions, LedgerClient, UserSession } from '@ledgerfold/client';
import { logIn, registerUser } from '@ledgerfold/client';
import type { Acknowledged } from './acknowledged.ts';
import type { Books } from './books.ts';
import { keyOf } from './keys.ts';
import { amountOf, FUNDED, LARGEST_MINOR } from './money.ts';
import type { Recorder } from './recorder.ts';
import { COMMANDS_PER_STEP } from './steps.ts';

/** The ledger hashes no more passwords at a time: further ones would only wait there. */
const REGISTERED_AT_ONCE = 2;
/** People whose accounts are funded by one request. */
const FUNDED_AT_ONCE = 50;
/** Registering waits for busy processors; the log-in itself is timed. */
const DEADLINE_MS = 60_000;

export interface People {
  readonly sessions: readonly UserSession[];
  account(user: number): string;
  session(user: number): UserSession;
  /** Logs a user in once more, and out again. */
  logInAgain(user: number): Promise<void>;
}

export interface PeopleOptions {
  /** How the ledger is reached. */
  readonly connection: ConnectionOptions;
  readonly run: string;
  readonly users: number;
  readonly recorder: Pick<Recorder, 'timed'>;
  /** Told after each. */
  readonly onRegistered: (users: number) => void;
}

/** Registers them. @throws LedgerProblem, LedgerUnreachable. */
export async function registerPeople({ connection, run, users, recorder, onRegistered }: PeopleOptions): Promise<People> {
  const password = randomBytes(18).toString('base64url');
  const nameOf = (user: number): string => `${run}-${user}`;
  const sessions: UserSession[] = [];
  let next = 0;
  let registered = 0;
  const register = async (): Promise<void> => {
    for (let user = next++; user < users; user = next++) {
      const registering = registerUser({ ...connection, deadlineMs: DEADLINE_MS, name: nameOf(user), password });
      sessions[user] = await recorder.timed('register', registering);
      registered += 1;
      onRegistered(registered);
    }
  };
  await Promise.all(Array.from({ length: REGISTERED_AT_ONCE }, register));
  const session = (user: number): UserSession => {
    const found = sessions[user];
    if (found === undefined) throw new RangeError(`there is no user ${user}`);
    return found;
  };
  return {
    sessions,
    session,
    account: (user) => session(user).accountId,
    async logInAgain(user) {
      const again = await recorder.timed('log-in', logIn({ ...connection, deadlineMs: DEADLINE_MS, name: nameOf(user), password }));
      await again.logOut();
    },
  };
}

export interface FundingOptions {
  readonly people: People;
  readonly operator: LedgerClient;
  readonly run: string;
  /** Of the plan: everybody is given so much that all of them together could not spend it. */
  readonly steps: number;
  readonly books: Books;
  readonly acknowledged: Acknowledged;
}

/** Gives everybody enough of everything, whatever the order in which the plan's steps come to be decided. @throws LedgerProblem, LedgerUnreachable. */
export async function fundPeople({ people, operator, run, steps, books, acknowledged }: FundingOptions): Promise<void> {
  const times = BigInt(steps * COMMANDS_PER_STEP);
  const funding = people.sessions.flatMap(({ accountId }, user) =>
    FUNDED.map((asset, entry): { readonly name: { number: number; entry: number }; readonly command: Command } => ({
      name: { number: -1 - user, entry },
      command: {
        type: 'deposit',
        accountId,
        asset,
        amount: amountOf(asset, times * LARGEST_MINOR[asset]),
        reference: `${run} before the load`,
      },
    })),
  );
  for (let from = 0; from < funding.length; from += FUNDED_AT_ONCE * FUNDED.length) {
    const part = funding.slice(from, from + FUNDED_AT_ONCE * FUNDED.length);
    const results = await operator.sendAll(part.map(({ command, name }) => ({ ...command, key: keyOf(run, name) })));
    for (const [at, result] of results.entries()) {
      const given = part[at];
      if (given === undefined || !('applied' in result)) throw 'problem' in result ? result.problem : new Error('a deposit stayed pending');
      acknowledged.answered(given.name, 'applied');
      books.applied(given.command, result.applied);
    }
  }
}
