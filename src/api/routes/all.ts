// Every route that the document describes, in the order in which it lists them. A new route is a line here.
import type { ApiRoute } from '../route.ts';
import { getAccount, listAccounts, openAccount } from './accounts.ts';
import { getAsset, listAssets, registerAsset } from './assets.ts';
import { logIn, logOut, refresh, register } from './auth.ts';
import { getBalance, listBalances } from './balances.ts';
import { bulkCommands } from './bulk-commands.ts';
import { issueToken } from './client-token.ts';
import { listCoins, removeCoin, updateCoin } from './coins.ts';
import { getCommand } from './commands.ts';
import { listEntries } from './entries.ts';
import { listEvents } from './events.ts';
import { fillOrder, listOrderEvents } from './fills.ts';
import { captureHold, getHold, listHolds, placeHold, releaseHold } from './holds.ts';
import { jwks } from './jwks.ts';
import { closeAccount, freezeAccount, unfreezeAccount } from './lifecycle.ts';
import { listLimits, setLimits } from './limits.ts';
import { me, profile } from './me.ts';
import { deposits, withdrawals } from './money.ts';
import {
  cancelOrder,
  getOrder,
  listAccountOrders,
  listCancelledOrders,
  listExecutedOrders,
  listExpiredOrders,
  listOrders,
  listPendingOrders,
  listUserOrders,
  placeOrder,
} from './orders.ts';
import { reversals } from './reversals.ts';
import { getStatement } from './statement.ts';
import { statistics } from './statistics.ts';
import { getTransfer, listTransfers, transfer } from './transfers.ts';

export const ROUTES: readonly ApiRoute[] = [
  openAccount,
  listAccounts,
  getAccount,
  deposits,
  withdrawals,
  reversals,
  listBalances,
  getBalance,
  listEntries,
  getStatement,
  listEvents,
  updateCoin,
  listCoins,
  removeCoin,
  placeHold,
  listHolds,
  getHold,
  captureHold,
  releaseHold,
  placeOrder,
  listAccountOrders,
  fillOrder,
  cancelOrder,
  listOrders,
  listPendingOrders,
  listExecutedOrders,
  listCancelledOrders,
  listExpiredOrders,
  listUserOrders,
  getOrder,
  listOrderEvents,
  transfer,
  listTransfers,
  getTransfer,
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
  register,
  logIn,
  refresh,
  logOut,
  issueToken,
  jwks,
];
