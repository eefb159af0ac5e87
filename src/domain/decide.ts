// The dispatcher: which decider answers which command.
import type { Account, Happened } from './account.ts';
import { evolve } from './account.ts';
import { assertNever } from './assert-never.ts';
import type { AssetState } from './asset-stream.ts';
import { evolveAsset, registerAsset } from './asset-stream.ts';
import { removeCoin, updateCoin } from './coins.ts';
import type { AccountCommand, Command } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { captureHold, expireHold, placeHold, releaseHold } from './holds.ts';
import { closeAccount, freezeAccount, openAccount, setLimits, unfreezeAccount } from './lifecycle.ts';
import { deposit, withdraw } from './money.ts';
import { cancelOrder, expireOrder, fillOrder, placeOrder } from './orders.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';
import { reverse } from './reversals.ts';
import { completeTransfer, receiveTransfer, returnTransfer, transfer } from './transfers.ts';

/** What a command is decided against: the state of the stream it addresses. */
export type SubjectState = Account | AssetState;

/** The refusal of a command whose account is not there, or not this user's: the same answer, so that nobody learns which. */
export function accountRefusal(command: Command, state: SubjectState, onlyOwner: string | undefined): Rejection | undefined {
  if (state.kind === 'asset') return undefined;
  const isThere = state.status !== 'none' || command.type === 'open-account';
  const isTheirs = onlyOwner === undefined || state.status === 'none' || state.ownerId === onlyOwner;
  return isThere && isTheirs ? undefined : rejection('account_not_found', `No account ${state.accountId}.`);
}

/**
 * Decides a command against the state of its stream. Pure: the same three give the same decision.
 * @throws Error where the command and the state are not of the same subject (a bug of the caller).
 */
export function decide(command: Command, state: SubjectState, context: DecisionContext): Decision {
  if (command.type === 'register-asset') {
    if (state.kind !== 'asset') throw new Error('an asset cannot be registered in an account');
    return registerAsset(command, state);
  }
  if (state.kind !== 'account') throw new Error(`a ${command.type} command cannot be decided by an asset`);
  return decideForAccount(command, state, context);
}

function decideForAccount(command: AccountCommand, account: Account, context: DecisionContext): Decision {
  switch (command.type) {
    case 'open-account':
      return openAccount(command, account, context);
    case 'deposit':
      return deposit(command, account, context);
    case 'withdraw':
      return withdraw(command, account, context);
    case 'update-coin':
      return updateCoin(command, account, context);
    case 'remove-coin':
      return removeCoin(command, account, context);
    case 'transfer':
      return transfer(command, account, context);
    case 'place-hold':
      return placeHold(command, account, context);
    case 'capture-hold':
      return captureHold(command, account, context);
    case 'release-hold':
      return releaseHold(command, account, context);
    case 'place-order':
      return placeOrder(command, account, context);
    case 'fill-order':
      return fillOrder(command, account, context);
    case 'cancel-order':
      return cancelOrder(command, account, context);
    case 'reverse':
      return reverse(command, account, context);
    case 'expire-hold':
      return expireHold(command, account, context);
    case 'expire-order':
      return expireOrder(command, account, context);
    case 'receive-transfer':
      return receiveTransfer(command, account);
    case 'complete-transfer':
      return completeTransfer(command, account);
    case 'return-transfer':
      return returnTransfer(command, account);
    case 'freeze-account':
      return freezeAccount(command, account);
    case 'unfreeze-account':
      return unfreezeAccount(command, account);
    case 'close-account':
      return closeAccount(command, account);
    case 'set-limits':
      return setLimits(command, account, context);
    default:
      return assertNever(command);
  }
}

/**
 * The state after an event of its stream.
 * @throws InvariantViolated where the event cannot follow.
 */
export const evolveSubject = (state: SubjectState, happened: Happened): SubjectState =>
  state.kind === 'account' ? evolve(state, happened) : evolveAsset(state, happened);
