// Steps that move money and coins at once: what they are, and what of them is sent again.
import type { Asset } from './money.ts';
import { COINS, MONEY, REMOVED_COIN } from './money.ts';
import type { CommandDraft, Planning } from './planning.ts';
import { command } from './planning.ts';
import type { Action, Draft } from './steps.ts';
import { COMMANDS_PER_STEP } from './steps.ts';

/** Of a hundred commands that a producer may send, so many are for the broker. */
const BROKER_PERCENT = 50;
const WATCHED_PERCENT = 10;
/** As many commands wait to be sent again, at most. */
const MOST_REPEATABLE = 20;
/** Of a hundred additions of coins, so many are of the coin that is then removed. */
const REMOVED_COIN_PERCENT = 60;

export function makePayments(planning: Planning) {
  const { chance, amount, anybody, anybodyBut, number } = planning;
  const money = (): Asset => chance.pick(MONEY);
  const coin = (): Asset => chance.pick(COINS);
  /** A coin is named by its code, or by a trading pair. */
  const symbolOf = (asset: Asset): string => (chance.percent(50) ? asset : `${asset.toLowerCase()}usdt`);
  const ways = () => ({ isForBroker: chance.percent(BROKER_PERCENT), isWatched: chance.percent(WATCHED_PERCENT) });

  function moved(type: 'deposit' | 'withdraw'): Action {
    const asset = money();
    return { type, asset, amount: amount(asset) };
  }
  function sent(from: number): Action {
    const asset = chance.percent(80) ? money() : coin();
    return { type: 'transfer', to: anybodyBut(from), asset, amount: amount(asset) };
  }
  function changed(sign: '' | '-'): Action {
    const asset = coin();
    return { type: 'update-coin', symbol: symbolOf(asset), quantity: `${sign}${amount(asset)}` };
  }

  function withdraw(): Draft {
    const draft = command(planning, { account: anybody(), action: moved('withdraw'), ...ways() });
    if (planning.repeatable.size() >= MOST_REPEATABLE) return draft;
    const strand = { id: number(), place: 'begins' } as const;
    planning.repeatable.put({ ...draft, strand, number: number(), dueMs: 0, operation: 'withdraw' });
    return { ...draft, strand };
  }

  /** The coin is added again only where it was removed, or never there. */
  let neverAdded = 0;
  function removedCoinAdded(): Draft | undefined {
    const last = planning.removed.take();
    const account = last?.account ?? (neverAdded < planning.users ? neverAdded : undefined);
    if (account === undefined) return undefined;
    if (last === undefined) neverAdded += 1;
    planning.added.put({ strand: number(), account });
    return command(planning, {
      account,
      sender: 'operator',
      action: { type: 'update-coin', symbol: symbolOf(REMOVED_COIN), quantity: amount(REMOVED_COIN) },
      strand: { id: number(), place: 'begins', ...(last === undefined ? {} : { after: last.strand }) },
    });
  }
  const coinAdd = (): Draft =>
    (chance.percent(REMOVED_COIN_PERCENT) ? removedCoinAdded() : undefined) ??
    command(planning, { account: anybody(), sender: 'operator', action: changed('') });

  function coinRemove(): Draft | undefined {
    const turn = planning.added.take();
    if (turn === undefined) return undefined;
    planning.removed.put(turn);
    return command(planning, {
      account: turn.account,
      action: { type: 'remove-coin', symbol: symbolOf(REMOVED_COIN) },
      strand: { id: turn.strand, place: 'ends' },
    });
  }

  function transfer(): Draft {
    const account = anybody();
    return command(planning, { account, action: sent(account), ...ways() });
  }

  /** Half of what is tried is to be seen to be possible; nothing of it is stored. */
  function dryRun(): Draft {
    const account = anybody();
    const asset = money();
    const tries = [
      () => sent(account),
      () => moved('withdraw'),
      (): Action => ({ type: 'place-hold', asset, amount: amount(asset) }),
    ] as const;
    return command(planning, { account, action: chance.pick(tries)(), expects: { outcome: 'would-apply' } });
  }

  /** Different accounts and different commands, by the operator. */
  function bulk(): Draft {
    const entry = (): { readonly account: number; readonly action: Action } => {
      const account = anybody();
      const makers = [() => moved('deposit'), () => moved('withdraw'), () => sent(account), () => changed(''), () => changed('-')] as const;
      return { account, action: chance.pick(makers)() };
    };
    return { what: 'bulk', commands: Array.from({ length: 3 + chance.below(COMMANDS_PER_STEP - 2) }, entry) };
  }

  function repeat(): Draft | undefined {
    const first = planning.repeatable.take();
    if (first === undefined) return undefined;
    const { number: key, dueMs, operation, strand, ...draft } = first;
    const again: CommandDraft = {
      ...draft,
      key,
      expects: { outcome: 'repeated' },
      isForBroker: chance.percent(BROKER_PERCENT),
      isWatched: false,
    };
    return { ...again, strand: { id: key, place: 'ends' } };
  }

  return {
    deposit: (): Draft => command(planning, { account: anybody(), sender: 'operator', action: moved('deposit'), ...ways() }),
    withdraw,
    transfer,
    'coin-add': coinAdd,
    'coin-take': (): Draft => command(planning, { account: anybody(), action: changed('-'), isWatched: chance.percent(WATCHED_PERCENT) }),
    'coin-remove': coinRemove,
    'dry-run': dryRun,
    bulk,
    repeat,
  };
}
