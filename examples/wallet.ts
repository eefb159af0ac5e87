/**
 * A wallet: logs a user in, who is registered where they are new, pays 20 USD in and 5 USD out, and shows what was booked.
 *
 *     WALLET_PASSWORD='correct horse battery staple' node examples/wallet.ts http://127.0.0.1:3000 alice
 *
 * Users may pay in for themselves only where LEDGER_SELF_DEPOSIT is true, as it is after a bare `npm start`.
 */
import type { UserSession } from '@ledgerfold/client';
import { LedgerProblem, logIn, registerUser } from '@ledgerfold/client';

const [url, name] = process.argv.slice(2);
const password = process.env['WALLET_PASSWORD'];
if (url === undefined || name === undefined || password === undefined) {
  console.error('usage: WALLET_PASSWORD=… node examples/wallet.ts URL NAME');
  process.exit(2);
}
const user = { url, name, password };

/** A name that is taken is the user's own, if the password is right. */
async function enter(): Promise<UserSession> {
  try {
    return await registerUser(user);
  } catch (error) {
    if (error instanceof LedgerProblem && error.code === 'already_exists') return logIn(user);
    throw error;
  }
}

try {
  // From here on the session stays logged in by itself.
  const wallet = await enter();
  const { accountId } = wallet;
  await wallet.deposit(accountId, { asset: 'USD', amount: '20.00', reference: 'pay-in' });
  const { position } = await wallet.withdraw(accountId, { asset: 'USD', amount: '5.00', reference: 'pay-out' });
  // With the position of the last write, the list has it.
  for await (const entry of wallet.listEntries(accountId, { asset: 'USD' }, { minPosition: position }))
    console.log(`${entry.amount} USD (${entry.reference ?? 'no reference'})`);
  const { available } = await wallet.getBalance(accountId, 'USD');
  console.log(`${available} USD available`);
  await wallet.logOut();
} catch (error) {
  if (!(error instanceof LedgerProblem)) throw error;
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
