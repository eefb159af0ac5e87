// A log such as mixed commands leave, written as fast as the store takes it: the domain decides, nothing else of the ledger runs.
import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { makeAssetRegistry } from '../../src/commands/asset-registry.ts';
import type { Account } from '../../src/domain/account.ts';
import { emptyAccount, evolve } from '../../src/domain/account.ts';
import { formatMinor } from '../../src/domain/amounts.ts';
import { INITIAL_ASSETS } from '../../src/domain/assets.ts';
import type { AccountCommand } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { factsIn, lookupIn, nameOfFact } from '../../src/domain/facts.ts';
import type { AccountId, AssetCode } from '../../src/domain/ids.ts';
import { AccountIdSchema, commandIdOf } from '../../src/domain/ids.ts';
import type { Rejection } from '../../src/domain/rejections.ts';
import { isStored } from '../../src/domain/rejections.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';
import type { Streams } from '../../src/eventstore/streams.ts';
import { assetCode, BTC, USD } from '../eventstore/new-events.ts';

const [EUR, JPY, ETH] = [assetCode('EUR'), assetCode('JPY'), assetCode('ETH')];
const ASSETS = new Map(INITIAL_ASSETS.map((asset) => [asset.code, asset]));

/** What each account does in its turns, in proportion. */
const SHARES = {
  deposit: 24,
  withdraw: 9,
  transfer: 8,
  'update-coin': 11,
  'place-hold': 10,
  'capture-hold': 7,
  'release-hold': 4,
  'place-order': 10,
  'fill-order': 10,
  'cancel-order': 4,
  reverse: 2,
  'set-limits': 0.6,
  freeze: 0.2,
  unfreeze: 0.2,
} as const;
type Kind = keyof typeof SHARES;
const ALL_SHARES = Object.values(SHARES).reduce((sum, share) => sum + share, 0);
const EVENT_MS = 50;
const IN_FLIGHT = 64;
const KNOWN_FACTS = 40;

/** A number from 0 up to 1, the next of a sequence that the seed determines (mulberry32). */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Holder {
  account: Account;
  /** The newest, oldest first. */
  readonly facts: Map<string, Fact>;
  /** What others' streams have for this one: written in its next turn, so that it comes after what it follows on. */
  readonly inbox: AccountCommand[];
  turn: NewEvent[];
}

export interface MixedLogOptions {
  /** About as many. */
  readonly events: number;
  readonly accounts?: number;
  readonly seed?: number;
  /** The most commands of an account before the next one's turn. */
  readonly perTurn?: number;
}

export interface MixedLog {
  readonly events: number;
  readonly accountIds: readonly AccountId[];
}

/** Writes the log, beginning with the assets; the accounts are new ones each time. */
export async function writeMixedLog(streams: Streams, options: MixedLogOptions): Promise<MixedLog> {
  const { events, accounts = 100, seed = 1, perTurn = 10 } = options;
  const random = makeRandom(seed);
  const startMs = Date.now() - events * EVENT_MS;
  let count = 0;
  await makeAssetRegistry(streams).registerInitial(startMs);

  const below = (end: number): number => Math.floor(random() * end);
  const chance = (share: number): boolean => random() < share;
  const pick = <T>(from: readonly T[]): T | undefined => from[below(from.length)];
  const holders = Array.from({ length: accounts }, (): Holder => {
    const account = emptyAccount(AccountIdSchema.parse(randomUUID()));
    return { account, facts: new Map(), inbox: [], turn: [] };
  });
  const byId = new Map(holders.map((holder) => [holder.account.accountId, holder]));
  const exists = (accountId: AccountId): boolean => (byId.get(accountId)?.account.revision ?? -1n) >= 0n;
  const amount = (asset: AssetCode, most: number): string => {
    const scale = ASSETS.get(asset)?.scale ?? 0;
    return formatMinor((BigInt(1 + below(most * 100)) * 10n ** BigInt(scale)) / 100n + 1n, scale);
  };
  const money = (): AssetCode => pick([USD, USD, USD, EUR, JPY]) ?? USD;

  function commandOf(kind: Kind, { account, facts }: Holder): AccountCommand | undefined {
    const { accountId } = account;
    const asset = money();
    const payment = {
      accountId,
      asset,
      // JSON may have line separators in a string: no line of a file ends there.
      ...(chance(0.5) && { reference: `invoice\u2028${count}` }),
      ...(chance(0.1) && { externalId: `p${count}` }),
    };
    switch (kind) {
      case 'deposit':
        return {
          type: kind,
          ...payment,
          amount: amount(asset, 200),
          ...(chance(0.02) && { effectiveAt: '2025-11-12T12:00:00Z' }),
          ...(chance(0.05) && { metadata: { invoice: count, lines: ['a\tb', '"quoted" \\ and \n broken', 'ünïcode 💶'] } }),
        };
      case 'withdraw':
        return { type: kind, ...payment, amount: amount(asset, chance(0.1) ? 1_000_000 : 20) };
      case 'transfer':
        return { type: kind, ...payment, to: pick(holders)?.account.accountId ?? accountId, amount: amount(asset, 20) };
      case 'update-coin':
        return {
          type: kind,
          accountId,
          symbol: chance(0.5) ? 'BTC' : 'ethusd',
          quantity: `${chance(0.2) ? '-' : ''}${amount(ETH, 2).slice(0, 4)}`,
        };
      case 'place-hold':
        return {
          type: kind,
          accountId,
          asset,
          amount: amount(asset, 10),
          ...(chance(0.3) && { expiresAt: '2031-01-01T00:00:00Z', reference: 'r' }),
        };
      case 'capture-hold': {
        const hold = account.holds.first();
        if (hold === undefined) return undefined;
        const part = formatMinor((hold.remaining.minor + 1n) / 2n, hold.remaining.scale);
        return { type: kind, accountId, holdId: hold.holdId, ...(chance(0.5) && { amount: part }) };
      }
      case 'release-hold': {
        const hold = account.holds.first();
        return hold && { type: kind, accountId, holdId: hold.holdId };
      }
      case 'place-order': {
        const isLimit = chance(0.5);
        const tokens = { tokenIn: USD, tokenOut: BTC, amountIn: amount(USD, 20) };
        return isLimit
          ? { type: kind, accountId, ...tokens, orderType: 'LIMIT', targetPrice: '0.000016' }
          : { type: kind, accountId, ...tokens, orderType: 'MARKET' };
      }
      case 'fill-order': {
        const order = account.orders.first();
        if (order === undefined) return undefined;
        const left = order.amountIn.minor - order.filledIn.minor;
        const paid = chance(0.5) ? left : (left + 1n) / 2n;
        const got = (paid * 16n * 100n) / 100n + BigInt(below(3)); // 0.000016 bitcoins a dollar are 16 satoshis a cent
        return {
          type: kind,
          accountId,
          orderId: order.orderId,
          amountIn: formatMinor(paid, 2),
          amountOut: formatMinor(got, 8),
          ...(chance(0.5) && { fee: { asset: BTC, amount: formatMinor(1n, 8) } }),
          ...(chance(0.7) && { txHash: `0x${count}`, ...(chance(0.5) && { logIndex: below(9) }) }),
        };
      }
      case 'cancel-order': {
        const order = account.orders.first();
        return order && { type: kind, accountId, orderId: order.orderId };
      }
      case 'reverse': {
        const entry = pick([...facts.values()].filter((fact) => fact.kind === 'entry'));
        return entry?.kind === 'entry' ? { type: kind, accountId, eventId: entry.eventId, reason: 'a mistake' } : undefined;
      }
      case 'set-limits':
        return { type: kind, accountId, asset: USD, perWithdrawal: '1000000000.00' };
      case 'freeze':
        return { type: 'freeze-account', accountId, reason: 'asked for' };
      case 'unfreeze':
        return { type: 'unfreeze-account', accountId, reason: 'asked for' };
    }
  }

  function kindOf(): Kind {
    let left = random() * ALL_SHARES;
    for (const [kind, share] of Object.entries(SHARES) as [Kind, number][]) {
      left -= share;
      if (left < 0) return kind;
    }
    return 'deposit';
  }

  function carryOut(holder: Holder, command: AccountCommand): void {
    const { account, facts } = holder;
    const eventId = uuidv7();
    const occurredAt = new Date(startMs + count * EVENT_MS).toISOString();
    const decision = decide(command, account, {
      asset: (code) => ASSETS.get(code),
      fact: lookupIn(facts),
      accountExists: exists,
      side: 'operator',
      eventId,
      occurredAt,
      inheritedLimits: [],
    });
    if (decision.kind === 'rejected' && !isStored(decision.rejection)) return;
    const event = decision.kind === 'accepted' ? decision.event : refusalOf(command, decision.rejection);
    holder.account = evolve(account, { event, revision: account.revision + 1n, occurredAt });
    const isOwn = command.type === 'receive-transfer' || command.type === 'complete-transfer' || command.type === 'return-transfer';
    const key = isOwn ? `sys:${command.type}:${command.transferId}` : `key ${count}`;
    const commandId = commandIdOf(account.accountId, key);
    for (const fact of factsIn({ event, eventId, revision: holder.account.revision, commandId, accountId: account.accountId })) {
      facts.set(nameOfFact(fact), fact);
      const [oldest] = facts.keys();
      if (facts.size > KNOWN_FACTS && oldest !== undefined) facts.delete(oldest);
    }
    const effectiveAt = 'effectiveAt' in command && command.effectiveAt !== undefined ? { effectiveAt: command.effectiveAt } : {};
    holder.turn.push({
      eventId,
      event,
      metadata: {
        ...{ key, commandId, commandHash: count.toString(16).padStart(64, '0'), correlationId: eventId, causationId: commandId },
        ...{
          traceparent: `00-${eventId.replaceAll('-', '')}-00f067aa0ba902b7-01`,
          actor: account.accountId,
          transport: isOwn ? 'internal' : 'rest',
          occurredAt,
        },
        ...effectiveAt,
      },
    });
    count += 1;
    tell(account.accountId, event);
  }

  /** What the other account of a transfer is to do next. */
  function tell(accountId: AccountId, event: StoredEvent): void {
    if (event.type === 'transfer-sent') {
      const { transferId, asset, amount: sent, to } = event;
      byId.get(to)?.inbox.push({ type: 'receive-transfer', accountId: to, transferId, from: accountId, asset, amount: sent });
    } else if (event.type === 'transfer-received')
      byId.get(event.from)?.inbox.push({ type: 'complete-transfer', accountId: event.from, transferId: event.transferId });
    else if (event.type === 'transfer-refused') {
      const { from, transferId, reason } = event;
      byId.get(from)?.inbox.push({ type: 'return-transfer', accountId: from, transferId, reason });
    }
  }

  async function write(turns: readonly Holder[]): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let holder = turns[next++]; holder !== undefined; holder = turns[next++]) {
        const { account, turn } = holder;
        if (turn.length === 0) continue;
        holder.turn = [];
        const expecting = account.revision - BigInt(turn.length);
        const outcome = await streams.append(accountStream(account.accountId), turn, { expecting });
        if (outcome.kind !== 'appended') throw new Error(`an append ended in ${outcome.kind}`);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  }

  for (const holder of holders) carryOut(holder, { type: 'open-account', accountId: holder.account.accountId, ownerId: randomUUID() });
  await write(holders);
  while (count < events) {
    // What was told during a round is done in the next one: by then everything before it is in the log.
    const inboxes = holders.map(({ inbox }) => inbox.splice(0));
    for (const [n, holder] of holders.entries()) {
      for (const command of inboxes[n] ?? []) carryOut(holder, command);
      for (let left = perTurn; left > 0 && count < events; left -= 1) {
        const command = commandOf(kindOf(), holder);
        if (command !== undefined) carryOut(holder, command);
      }
    }
    await write(holders);
  }
  return { events: count + INITIAL_ASSETS.length, accountIds: holders.map(({ account }) => account.accountId) };
}

const refusalOf = ({ type: commandType }: AccountCommand, { code, detail, fields }: Rejection): StoredEvent => ({
  type: 'command-rejected',
  version: 1,
  commandType,
  code,
  detail,
  fields,
});
