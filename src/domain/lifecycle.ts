// The life of an account: open, frozen and unfrozen, limited, closed. A closed account stays closed.
import type { Account } from './account.ts';
import { isEmpty } from './account.ts';
import { formatMinor } from './amounts.ts';
import { amountIn, closedRefusal, notMoving, resolveAsset } from './checks.ts';
import type { CloseAccount, FreezeAccount, OpenAccount, SetLimits, UnfreezeAccount } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { accepted, refused, rejected } from './decision.ts';
import { rejection } from './rejections.ts';

export function openAccount(command: OpenAccount, account: Account, context: DecisionContext): Decision {
  // Not stored: whoever does not own the account must not write into its stream.
  if (account.status !== 'none')
    return refused({ ...rejection('already_exists', `Account ${account.accountId} exists already.`), stored: false });
  const { ownerId, externalId, label } = command;
  return accepted({
    type: 'account-opened',
    version: 1,
    limits: [...context.inheritedLimits],
    ...(ownerId === undefined ? {} : { ownerId }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(label === undefined ? {} : { label }),
  });
}

export function freezeAccount(command: FreezeAccount, account: Account): Decision {
  const refusal = notMoving(account);
  return refusal ? refused(refusal) : accepted({ type: 'account-frozen', version: 1, reason: command.reason });
}

/** Unfreezing an account that is not frozen changes nothing but the record that it was asked for. */
export function unfreezeAccount(command: UnfreezeAccount, account: Account): Decision {
  const refusal = closedRefusal(account);
  return refusal ? refused(refusal) : accepted({ type: 'account-unfrozen', version: 1, reason: command.reason });
}

/** Only an empty account can be closed, frozen or not; and while a transfer is under way, its money may still come back. */
export function closeAccount(_command: CloseAccount, account: Account): Decision {
  const refusal = closedRefusal(account);
  if (refusal) return refused(refusal);
  if (isEmpty(account) && account.transfers.size === 0) return accepted({ type: 'account-closed', version: 1 });
  const left = [...account.balances].flatMap(([asset, { availableMinor, heldMinor, scale }]) =>
    availableMinor + heldMinor === 0n ? [] : [`${formatMinor(availableMinor + heldMinor, scale)} ${asset}`],
  );
  const underWay = [...account.transfers.values()].map(
    ({ transferId, asset, amount }) => `${formatMinor(amount.minor, amount.scale)} ${asset} under way in transfer ${transferId}`,
  );
  return rejected('account_not_empty', `The account still has ${[...left, ...underWay].join(', ')}.`);
}

/** Replaces the limits in one asset; a limit that is not given is none. Allowed while frozen. */
export function setLimits(command: SetLimits, account: Account, context: DecisionContext): Decision {
  const asset = resolveAsset(command.asset, context);
  if ('detail' in asset) return refused(asset);
  const refusal = closedRefusal(account);
  if (refusal) return refused(refusal);
  const written = { perWithdrawal: command.perWithdrawal, perDay: command.perDay };
  const limits: { perWithdrawal?: string; perDay?: string } = {};
  for (const name of ['perWithdrawal', 'perDay'] as const) {
    const text = written[name];
    if (text === undefined) continue;
    const minor = amountIn(text, asset);
    if (typeof minor !== 'bigint') return refused(minor);
    limits[name] = formatMinor(minor, asset.scale);
  }
  return accepted({ type: 'limits-set', version: 1, asset: asset.code, ...limits });
}
