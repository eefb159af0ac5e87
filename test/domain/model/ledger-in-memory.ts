// The real domain with nothing around it: streams, states and facts in memory, decided and folded as the command side does.
import type { Account } from '../../../src/domain/account.ts';
import { emptyAccount, evolve } from '../../../src/domain/account.ts';
import { assertNever } from '../../../src/domain/assert-never.ts';
import type { Asset } from '../../../src/domain/assets.ts';
import { INITIAL_ASSETS } from '../../../src/domain/assets.ts';
import type { AccountCommand } from '../../../src/domain/commands.ts';
import { isInternal } from '../../../src/domain/commands.ts';
import { accountRefusal, decide } from '../../../src/domain/decide.ts';
import { occurredAt } from '../../../src/domain/decision.ts';
import type { StoredEvent } from '../../../src/domain/events.ts';
import type { Fact } from '../../../src/domain/facts.ts';
import { factsIn, lookupIn, nameOfFact } from '../../../src/domain/facts.ts';
import type { AccountId, AssetCode, HoldId, OrderId, TransferId } from '../../../src/domain/ids.ts';
import {
  AccountIdSchema,
  AssetCodeSchema,
  CommandIdSchema,
  HoldIdSchema,
  OrderIdSchema,
  TransferIdSchema,
} from '../../../src/domain/ids.ts';
import type { Posting } from '../../../src/domain/postings.ts';
import { postingsOf } from '../../../src/domain/postings.ts';
import type { Rejection } from '../../../src/domain/rejections.ts';
import { isStored } from '../../../src/domain/rejections.ts';
import type { AssetName, Request, UnitPrice } from './requests.ts';
import { ACCOUNTS, ASSETS, idText, shortened, textOf } from './requests.ts';

/** How the ledger decides: the real rules, or rules with a mistake planted in them. */
export type Decide = typeof decide;
/** What happened in a stream, in order. */
export interface Written {
  readonly event: StoredEvent;
  readonly eventId: string;
  readonly occurredAt: string;
}
/** An event, or the refusal; the refusal may have left an event too. */
export type Done = { readonly event: StoredEvent } | { readonly rejection: Rejection };

/** Ids are checked once: their schemas cost more than a decision. */
function remembered<Id>(make: (n: number) => Id): (n: number) => Id {
  const made = new Map<number, Id>();
  return (n) => {
    const known = made.get(n) ?? make(n);
    made.set(n, known);
    return known;
  };
}
const holdId = remembered((n): HoldId => HoldIdSchema.parse(idText(n)));
const orderId = remembered((n): OrderId => OrderIdSchema.parse(idText(n)));
const transferId = remembered((n): TransferId => TransferIdSchema.parse(idText(n)));
const commandId = remembered((n) => CommandIdSchema.parse(idText(n)));
/** An account's id begins with another digit than those of what the program makes. */
export const accountIdOf = remembered((n): AccountId => AccountIdSchema.parse(`acc00000-0000-4000-8000-00000000000${n}`));
const CODES: Readonly<Record<AssetName, AssetCode>> = {
  USD: AssetCodeSchema.parse('USD'),
  BTC: AssetCodeSchema.parse('BTC'),
  JPY: AssetCodeSchema.parse('JPY'),
};
const REGISTERED: ReadonlyMap<AssetCode, Asset> = new Map(INITIAL_ASSETS.map((asset) => [asset.code, asset]));

/** A price in units as text: tokenOut per one tokenIn. */
function priceText({ n, d }: UnitPrice, tokenIn: AssetName, tokenOut: AssetName): string {
  const decimals = d + ASSETS[tokenOut] - ASSETS[tokenIn];
  if (decimals <= 0) return `${n}${'0'.repeat(-decimals)}`;
  const digits = `${n}`.padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
const timeText = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());

/** The request as the command that a client, or the ledger itself, would send. */
export function commandOf(asked: Request): AccountCommand {
  const accountId = accountIdOf(asked.account);
  const amount = (units: bigint, asset: AssetName): string => (asked.isShort ? shortened(textOf(units, asset)) : textOf(units, asset));
  switch (asked.type) {
    case 'open-account':
    case 'close-account':
      return { type: asked.type, accountId };
    case 'freeze-account':
    case 'unfreeze-account':
      return { type: asked.type, accountId, reason: 'r' };
    case 'deposit':
    case 'withdraw': {
      const { type, asset, units, externalId } = asked;
      return { type, accountId, asset: CODES[asset], amount: amount(units, asset), externalId };
    }
    case 'transfer': {
      const { type, to, asset, units, externalId } = asked;
      return { type, accountId, to: accountIdOf(to), asset: CODES[asset], amount: amount(units, asset), externalId };
    }
    case 'update-coin':
      return { type: asked.type, accountId, symbol: 'btcusdt', quantity: amount(asked.units, 'BTC') };
    case 'remove-coin':
      return { type: asked.type, accountId, symbol: 'BTC' };
    case 'place-hold': {
      const { type, asset, units, expiresMs } = asked;
      return { type, accountId, asset: CODES[asset], amount: amount(units, asset), expiresAt: timeText(expiresMs) };
    }
    case 'capture-hold': {
      const { type, asset, units } = asked;
      return { type, accountId, holdId: holdId(asked.hold), amount: units === undefined ? undefined : amount(units, asset) };
    }
    case 'release-hold':
    case 'expire-hold':
      return { type: asked.type, accountId, holdId: holdId(asked.hold) };
    case 'place-order': {
      const { type, tokenIn, tokenOut, units, price, expiresMs } = asked;
      const priced =
        price === undefined
          ? ({ orderType: 'MARKET' } as const)
          : { orderType: 'LIMIT' as const, targetPrice: priceText(price, tokenIn, tokenOut) };
      const amountIn = amount(units, tokenIn);
      return { type, accountId, tokenIn: CODES[tokenIn], tokenOut: CODES[tokenOut], amountIn, expiresAt: timeText(expiresMs), ...priced };
    }
    case 'fill-order': {
      const { type, tokenIn, tokenOut, paid, got, txHash, logIndex } = asked;
      const fee = asked.fee && { asset: CODES[asked.fee.asset], amount: amount(asked.fee.units, asked.fee.asset) };
      const figures = { amountIn: amount(paid, tokenIn), amountOut: amount(got, tokenOut), fee };
      return { type, accountId, orderId: orderId(asked.order), ...figures, txHash, logIndex };
    }
    case 'cancel-order':
    case 'expire-order':
      return { type: asked.type, accountId, orderId: orderId(asked.order) };
    case 'receive-transfer': {
      const { type, transfer, from, asset, units } = asked;
      return {
        type,
        accountId,
        transferId: transferId(transfer),
        from: accountIdOf(from),
        asset: CODES[asset],
        amount: textOf(units, asset),
      };
    }
    case 'complete-transfer':
      return { type: asked.type, accountId, transferId: transferId(asked.transfer) };
    case 'return-transfer':
      return { type: asked.type, accountId, transferId: transferId(asked.transfer), reason: asked.reason };
    case 'reverse':
      return { type: asked.type, accountId, eventId: idText(asked.entry), reason: 'r' };
    case 'set-limits': {
      const { type, asset, perWithdrawal, perDay } = asked;
      const text = (units: bigint | undefined) => (units === undefined ? undefined : amount(units, asset));
      return { type, accountId, asset: CODES[asset], perWithdrawal: text(perWithdrawal), perDay: text(perDay) };
    }
    default:
      return assertNever(asked);
  }
}

export function makeLedger(decideIt: Decide = decide) {
  const streams = ACCOUNTS.map((n) => ({
    account: emptyAccount(accountIdOf(n)),
    facts: new Map<string, Fact>(),
    written: [] as Written[],
  }));
  const journal = new Map<string, bigint>();
  const numberOf = new Map<AccountId, number>(ACCOUNTS.map((n) => [accountIdOf(n), n]));
  const streamOf = (n: number) => {
    const stream = streams[n];
    if (stream === undefined) throw new Error(`a request to account ${n}`);
    return stream;
  };
  const isOpened = (n: number | undefined): boolean => n !== undefined && streamOf(n).account.status !== 'none';
  const post = ({ account, asset, amountMinor }: Posting): void => {
    const line = `${account} ${asset}`;
    journal.set(line, (journal.get(line) ?? 0n) + amountMinor);
  };

  function write(n: number, event: StoredEvent, id: number, at: string): void {
    const stream = streamOf(n);
    const { accountId } = stream.account;
    const eventId = idText(id);
    stream.account = evolve(stream.account, { event, revision: stream.account.revision + 1n, occurredAt: at });
    stream.written.push({ event, eventId, occurredAt: at });
    const source = { event, eventId, revision: stream.account.revision, commandId: commandId(id), accountId };
    for (const fact of factsIn(source)) stream.facts.set(nameOfFact(fact), fact);
    for (const posting of postingsOf(event, accountId)) post(posting);
  }

  return {
    /** Decides the request and writes what comes of it, as src/commands/batch.ts does for a batch of one. */
    perform(asked: Request): Done {
      const command = commandOf(asked);
      const { account, facts } = streamOf(asked.account);
      const at = occurredAt(asked.clockMs, account.lastOccurredAt);
      const notThere = accountRefusal(command, account, undefined);
      if (notThere) return { rejection: notThere };
      const decision = decideIt(command, account, {
        asset: (code) => REGISTERED.get(code),
        fact: lookupIn(facts),
        accountExists: (accountId) => isOpened(numberOf.get(accountId)),
        side: asked.side,
        eventId: idText(asked.id),
        occurredAt: at,
        inheritedLimits: [],
      });
      if (decision.kind === 'accepted') {
        write(asked.account, decision.event, asked.id, at);
        return { event: decision.event };
      }
      const { rejection } = decision;
      const { code, detail, fields } = rejection;
      if (!isInternal(command) && isStored(rejection))
        write(asked.account, { type: 'command-rejected', version: 1, commandType: command.type, code, detail, fields }, asked.id, at);
      return { rejection };
    },
    account: (n: number): Account => streamOf(n).account,
    facts: (n: number): ReadonlyMap<string, Fact> => streamOf(n).facts,
    written: (n: number): readonly Written[] => streamOf(n).written,
    /** The sum of all postings to a place, in smallest units: a system account, or an account (available and held together). */
    journal: (place: string, asset: AssetName): bigint => journal.get(`${place} ${asset}`) ?? 0n,
  };
}
export type Ledger = ReturnType<typeof makeLedger>;
