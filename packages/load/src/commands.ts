// From what a step says to what is sent: people become accounts, and what makes a request different from every other is put in.
import type { Command } from '@ledgerfold/client';
import type { CommandName } from './keys.ts';
import { keyOf } from './keys.ts';
import type { Action, Item } from './steps.ts';
import { assertNever } from './steps.ts';

/** A strand has made no item: its first step went wrong. */
class NothingMade extends Error {
  override readonly name = 'NothingMade';
}

export interface CommandMakerOptions {
  readonly run: string;
  readonly accountOf: (user: number) => string;
}
export type CommandMaker = (account: number, action: Action, name: CommandName, itemId: string | undefined) => Command;

/** The same action under the same name is the same command. */
export function makeCommandMaker({ run, accountOf }: CommandMakerOptions): CommandMaker {
  return (account, action, name, itemId) => {
    const accountId = accountOf(account);
    const unique = keyOf(run, name);
    const idOf = (item: Item): string => {
      if (item !== 'of-strand') return item.id;
      if (itemId === undefined) throw new NothingMade(`the strand of ${unique} has no hold and no order`);
      return itemId;
    };
    switch (action.type) {
      case 'deposit':
        return { ...action, accountId, reference: unique, externalId: unique };
      case 'withdraw':
      case 'place-hold':
        return { ...action, accountId, reference: unique };
      case 'transfer':
        return { ...action, accountId, to: typeof action.to === 'number' ? accountOf(action.to) : action.to, reference: unique };
      case 'update-coin':
      case 'remove-coin':
        return { ...action, accountId };
      case 'place-order':
        return { ...action, accountId };
      case 'capture-hold':
        return { type: action.type, accountId, holdId: idOf(action.hold), amount: action.amount };
      case 'release-hold':
        return { type: action.type, accountId, holdId: idOf(action.hold) };
      case 'fill-order': {
        const { order, ...fill } = action;
        return { ...fill, accountId, orderId: idOf(order), txHash: unique, logIndex: 0 };
      }
      case 'cancel-order':
        return { type: action.type, accountId, orderId: idOf(action.order) };
      default:
        return assertNever(action);
    }
  };
}
