// What happened to an account, in words, with what each event changed.
import type { Account } from '../domain/account.ts';
import { balanceAfter } from '../domain/account.ts';
import { formatMinor } from '../domain/amounts.ts';
import type { LedgerEvent } from '../domain/events.ts';
import type { AssetCode } from '../domain/ids.ts';
import { heldMinorOf } from '../domain/open-orders.ts';
import type { Step } from './replay.ts';
import { inWords, limitsInWords, noLimitIn } from './words.ts';

/** Something that an event changed: amounts are decimal strings; `none` and `closed` where there was nothing yet, or is nothing any more. */
export interface Change {
  readonly of: string;
  readonly before: string;
  readonly after: string;
}

/** An event of an account's history. */
export interface HistoryEntry {
  readonly revision: bigint;
  readonly position: bigint;
  readonly eventId: string;
  readonly type: LedgerEvent['type'];
  /** Absent for an annulled event, whose metadata count for nothing. */
  readonly asked?: {
    readonly occurredAt: string;
    /** The date from which it counts, where it was dated back. */
    readonly effectiveAt?: string;
    readonly actor: string;
    readonly transport: string;
    readonly key: string;
    readonly commandId: string;
  };
  readonly what: string;
  readonly changes: readonly Change[];
}

/** The account's life for people, oldest first, out of its replay. */
export async function* historyOf(steps: AsyncIterable<Step>): AsyncGenerator<HistoryEntry, void, undefined> {
  // The state has them in minor units without a scale, and an asset with a limit need not have a balance.
  const limits = new Map<AssetCode, string>();
  for await (const { recorded, before, after } of steps) {
    const { revision, position, eventId, event, metadata } = recorded;
    const { occurredAt, effectiveAt, actor, transport, key, commandId } = metadata;
    yield {
      revision,
      position,
      eventId,
      type: event.type,
      ...(event.type !== 'annulled' && {
        asked: { occurredAt, ...(effectiveAt !== undefined && { effectiveAt }), actor, transport, key, commandId },
      }),
      what: inWords(event),
      changes: [...changesOf(event, before, after), ...limitsSet(limits, event)].filter((change) => change.before !== change.after),
    };
  }
}

function changesOf(event: LedgerEvent, before: Account, after: Account): readonly Change[] {
  const changes: Change[] = [{ of: 'status', before: before.status, after: after.status }];
  for (const [asset, balance] of after.balances) {
    const known = before.balances.get(asset) ?? { scale: balance.scale, availableMinor: 0n, heldMinor: 0n };
    if (known === balance) continue;
    const [was, is] = [balanceAfter(asset, known), balanceAfter(asset, balance)];
    for (const bucket of ['available', 'held'] as const) changes.push({ of: `${asset} ${bucket}`, before: was[bucket], after: is[bucket] });
  }
  if ('holdId' in event) {
    const leftIn = ({ holds }: Account): string | undefined => {
      const hold = holds.get(event.holdId);
      return hold && `${formatMinor(hold.remaining.minor, hold.remaining.scale)} ${hold.asset}`;
    };
    changes.push({ of: `hold ${event.holdId}`, before: leftIn(before) ?? 'none', after: leftIn(after) ?? 'closed' });
  }
  if ('orderId' in event) {
    const leftIn = ({ orders }: Account): string | undefined => {
      const order = orders.get(event.orderId);
      return order && `${formatMinor(heldMinorOf(order), order.amountIn.scale)} ${order.tokenIn}`;
    };
    const [was, is] = [leftIn(before), leftIn(after)];
    // A fill that was reported again concerns an order that may have ended long ago.
    if (was !== undefined || is !== undefined) changes.push({ of: `order ${event.orderId}`, before: was ?? 'none', after: is ?? 'closed' });
  }
  return changes;
}

function limitsSet(known: Map<AssetCode, string>, event: LedgerEvent): readonly Change[] {
  const set = event.type === 'account-opened' ? event.limits : event.type === 'limits-set' ? [event] : [];
  return set.map((written) => {
    const before = known.get(written.asset) ?? noLimitIn(written.asset);
    const after = limitsInWords(written);
    known.set(written.asset, after);
    return { of: `limits in ${written.asset}`, before, after };
  });
}
