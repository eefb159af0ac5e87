// Users who are logged in: a client of their own, which stays logged in until it is logged out.
import { renewedAccess } from './access.ts';
import type { ConnectionOptions, LedgerClient } from './client.ts';
import { clientOf, connectionOf } from './client.ts';
import type { CallOptions } from './commands.ts';
import type { LoggedInUser, UserCredentials, UserLogIn } from './log-in.ts';
import { makeUserLogIn } from './log-in.ts';
import { deadlineIn } from './retries.ts';

export type UserOptions = ConnectionOptions & UserCredentials & Pick<CallOptions, 'signal'>;

/** The client of a user. It renews its access by itself, for as long as the name and the password are right. */
export interface UserSession extends LedgerClient, LoggedInUser {
  /** Ends the session, here and at the ledger: what is called on it afterwards is rejected with `SessionEnded`. */
  logOut(options?: CallOptions): Promise<void>;
}

/**
 * Makes a user, with a first account, and logs them in.
 * @throws LedgerProblem: `already_exists` where the name is taken; LedgerUnreachable at the deadline: the user may
 * be there then, and can log in.
 *
 * @example
 * ```ts
 * const alice = await registerUser({ url: 'http://127.0.0.1:3000', name: 'alice', password });
 * await alice.deposit(alice.accountId, { asset: 'USD', amount: '90.00' });
 * await alice.logOut();
 * ```
 */
export const registerUser = (options: UserOptions): Promise<UserSession> => start('register', options);

/**
 * Logs a user in.
 * @throws LedgerProblem: `unauthenticated` where the name or the password is wrong; `rate_limited` after too many such attempts, if
 * the wait is longer than the deadline.
 */
export const logIn = (options: UserOptions): Promise<UserSession> => start('logIn', options);

async function start(how: 'register' | 'logIn', { name, password, signal, ...options }: UserOptions): Promise<UserSession> {
  const connection = connectionOf(options);
  const user: UserLogIn = makeUserLogIn(connection, { name, password });
  const { userId, accountId, ...grant } = await user[how](deadlineIn(connection.deadlineMs, signal));
  const access = renewedAccess(user.renew, grant);
  return {
    ...clientOf(connection, access),
    userId,
    accountId,
    async logOut(options = {}) {
      access.forget();
      await user.logOut(deadlineIn(options.deadlineMs ?? connection.deadlineMs, options.signal));
    },
  };
}
