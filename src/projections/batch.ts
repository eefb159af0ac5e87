// What a batch of events means, worked out before anything is written: pure, so that the same log always gives the same rows.
import { formatMinor } from '../domain/amounts.ts';
import type { LedgerEvent, RecordedEvent } from '../domain/events.ts';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import { outcomeOf } from '../domain/outcome.ts';
import type { SystemAccount } from '../domain/postings.ts';
import { postingsOf } from '../domain/postings.ts';
import { canonicalTime } from '../domain/time.ts';
import { UnappliableEvent } from './errors.ts';

/** A row of the journal before its running balance is known: what one event changes for one account and asset. */
export interface JournalLine {
  readonly accountId: AccountId | null;
  readonly systemAccount: SystemAccount | null;
  readonly asset: AssetCode;
  /** Decimal strings, and the same in minor units of 10^-scale. */
  readonly available: string;
  readonly held: string;
  readonly availableMinor: bigint;
  readonly heldMinor: bigint;
  readonly scale: number;
}

/** An event with all that the tables take from it. */
export interface BatchEvent {
  readonly recorded: RecordedEvent;
  readonly event: LedgerEvent;
  /** The ledger's own time: that of the event, but never before the one before it in the log. Clocks that jump cannot reorder history. */
  readonly recordedAt: string;
  readonly occurredAt: string;
  /** Since when it counts, where that was said: then it is backdated. */
  readonly effectiveAt: string | undefined;
  readonly lines: readonly JournalLine[];
  /** Undefined for an annulled event. */
  readonly outcome: StoredOutcome | undefined;
}

interface LineSum {
  readonly account: AccountId | SystemAccount;
  readonly asset: AssetCode;
  readonly scale: number;
  available: bigint;
  held: bigint;
}

function linesOf(event: LedgerEvent, accountId: AccountId): readonly JournalLine[] {
  const sums: LineSum[] = [];
  for (const { account, asset, bucket, amountMinor, scale } of postingsOf(event, accountId)) {
    let sum = sums.find((one) => one.account === account && one.asset === asset); // among three at most
    if (sum === undefined) {
      sum = { account, asset, scale, available: 0n, held: 0n };
      sums.push(sum);
    }
    if (sum.scale !== scale) throw new Error(`amounts of ${asset} with ${sum.scale} and with ${scale} decimals`);
    sum[bucket] += amountMinor;
  }
  return sums.map(({ account, asset, scale, available, held }) => ({
    accountId: isSystemAccount(account) ? null : account,
    systemAccount: isSystemAccount(account) ? account : null,
    asset,
    available: formatMinor(available, scale),
    held: formatMinor(held, scale),
    availableMinor: available,
    heldMinor: held,
    scale,
  }));
}

const isSystemAccount = (account: AccountId | SystemAccount): account is SystemAccount => account.startsWith('@');

/**
 * Works the events out, in log order, after an event recorded at `recordedAt`.
 * @throws UnappliableEvent for the first event that makes no sense, whatever the tables hold.
 */
export function workOut(events: readonly RecordedEvent[], recordedAt: string | null): readonly BatchEvent[] {
  let last = recordedAt ?? '';
  const revisions = new Map<string, bigint>();
  return events.map((recorded) => {
    const { event, metadata, subject, stream, revision } = recorded;
    try {
      const before = revisions.get(stream);
      // An annulled event is taken wherever it stands: it may be annulled because of the gap before it.
      if (before !== undefined && before + 1n !== revision && event.type !== 'annulled')
        throw new Error(`revision ${revision} follows on revision ${before}`);
      revisions.set(stream, revision);
      const occurredAt = canonicalTime(metadata.occurredAt);
      const effectiveAt = metadata.effectiveAt === undefined ? undefined : canonicalTime(metadata.effectiveAt);
      const lines = subject.kind === 'account' ? linesOf(event, subject.accountId) : [];
      if (occurredAt > last) last = occurredAt;
      return { recorded, event, recordedAt: last, occurredAt, effectiveAt, lines, outcome: outcomeOf(recorded) };
    } catch (error) {
      throw new UnappliableEvent(recorded, error instanceof Error ? error.message : String(error));
    }
  });
}

/** Text as Postgres can keep it: it has no U+0000, and JSON allows one. Nothing that is counted or compared by the ledger's rules has any. */
export function storable(text: string): string;
export function storable(text: string | undefined): string | null;
export function storable(text: string | undefined): string | null {
  return text === undefined ? null : text.replaceAll('\0', '\uFFFD');
}
