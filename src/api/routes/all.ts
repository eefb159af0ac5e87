// Every route that the document describes, in the order in which it lists them. A new route is a line here.
import type { ApiRoute } from '../route.ts';
import { getAccount, listAccounts, openAccount } from './accounts.ts';
import { getAsset, listAssets, registerAsset } from './assets.ts';
import { getBalance, listBalances } from './balances.ts';
import { bulkCommands } from './bulk-commands.ts';
import { listCoins, removeCoin, updateCoin } from './coins.ts';
import { getCommand } from './commands.ts';
import { listEntries } from './entries.ts';
import { listEvents } from './events.ts';
import { closeAccount, freezeAccount, unfreezeAccount } from './lifecycle.ts';
import { listLimits, setLimits } from './limits.ts';
import { me, profile } from './me.ts';
import { deposits, withdrawals } from './money.ts';
import { statistics } from './statistics.ts';

export const ROUTES: readonly ApiRoute[] = [
  openAccount,
  listAccounts,
  getAccount,
  deposits,
  withdrawals,
  listBalances,
  getBalance,
  listEntries,
  listEvents,
  updateCoin,
  listCoins,
  removeCoin,
  freezeAccount,
  unfreezeAccount,
  closeAccount,
  setLimits,
  listLimits,
  registerAsset,
  listAssets,
  getAsset,
  bulkCommands,
  getCommand,
  me,
  profile,
  statistics,
];
