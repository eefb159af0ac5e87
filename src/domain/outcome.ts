// The outcome of a command, read off its one event: what the first answer said and every repeat says again.
import { zeroLike } from './amounts.ts';
import { assertNever } from './assert-never.ts';
import type { BalanceAfter, RecordedEvent, StoredEvent, Subject } from './events.ts';
import type { AccountId, CommandId } from './ids.ts';
import { assetScopeOf } from './ids.ts';
import type { RejectionCode, RejectionFields } from './rejections.ts';
import { isRejectionCode } from './rejections.ts';

interface OutcomeBase {
  readonly commandId: CommandId;
  /** SHA-256 (hex) of the canonical command; another command under the same key has another. */
  readonly commandHash: string;
  /** The scope of the key: the account addressed, or the asset's scope. */
  readonly scope: AccountId;
  readonly subject: Subject;
  readonly commandType: string;
  readonly eventId: string;
  readonly revision: bigint;
  /** Any query that has seen this position sees the outcome. */
  readonly position: bigint;
}
export interface AppliedOutcome extends OutcomeBase {
  readonly status: 'applied';
  readonly balances: readonly BalanceAfter[];
  /** What the command made, e.g. `{ entryId }`; the type of command says which fields. */
  readonly result: Readonly<Record<string, string>>;
  /** Of a fill that was reported again: the revision of the first report, which is the one to show. */
  readonly firstRevision?: bigint;
}
export interface RejectedOutcome extends OutcomeBase {
  readonly status: 'rejected';
  readonly code: RejectionCode;
  readonly detail: string;
  readonly fields: RejectionFields;
  /** Of the request that was refused first: a repeat shows the same problem, its instance included. */
  readonly correlationId: string;
}
/** An outcome that the log keeps. */
export type StoredOutcome = AppliedOutcome | RejectedOutcome;

/** The revision that the outcome's answer shows. */
export const shownRevision = (outcome: StoredOutcome): bigint =>
  outcome.status === 'applied' ? (outcome.firstRevision ?? outcome.revision) : outcome.revision;

/** What an applied event's command made. The id of a journal entry is the id of its event. */
export function resultOf(event: StoredEvent, subject: Subject, eventId: string): Readonly<Record<string, string>> {
  switch (event.type) {
    case 'account-opened':
      return subject.kind === 'account' ? { accountId: subject.accountId } : {};
    case 'deposited':
    case 'withdrawn':
      return { entryId: eventId };
    case 'coin-updated':
    case 'coin-removed':
      return { symbol: event.asset, quantity: event.quantity };
    case 'asset-registered':
      return { code: event.code };
    case 'entry-reversed':
      return { entryId: eventId };
    case 'hold-placed':
      return { holdId: event.holdId };
    case 'hold-captured':
      return { holdId: event.holdId, remaining: event.remaining };
    case 'hold-released':
    case 'hold-expired':
      return { holdId: event.holdId, remaining: zeroLike(event.amount) };
    case 'order-placed':
      return { orderId: event.orderId };
    case 'order-filled':
    case 'fill-repeated':
      return { fillId: event.fillId, orderStatus: event.orderStatus };
    case 'order-cancelled':
      return { orderId: event.orderId, orderStatus: 'cancelled' };
    case 'order-expired':
      return { orderId: event.orderId, orderStatus: 'expired' };
    case 'transfer-sent': // a reversal's answer, where the money goes back by a transfer
      return event.reverses === undefined
        ? { transferId: event.transferId, state: 'pending' }
        : { entryId: eventId, transferId: event.transferId, state: 'pending' };
    case 'transfer-received':
    case 'transfer-refused':
    case 'transfer-completed':
    case 'transfer-returned':
      return { transferId: event.transferId };
    case 'account-frozen':
    case 'account-unfrozen':
    case 'account-closed':
    case 'limits-set':
    case 'command-rejected':
      return {};
    default:
      return assertNever(event);
  }
}

/** The type of the command that an event answers. */
function commandTypeOf(event: StoredEvent): string {
  switch (event.type) {
    case 'account-opened':
      return 'open-account';
    case 'account-frozen':
      return 'freeze-account';
    case 'account-unfrozen':
      return 'unfreeze-account';
    case 'account-closed':
      return 'close-account';
    case 'limits-set':
      return 'set-limits';
    case 'deposited':
      return 'deposit';
    case 'withdrawn':
      return 'withdraw';
    case 'coin-updated':
      return 'update-coin';
    case 'coin-removed':
      return 'remove-coin';
    case 'hold-placed':
      return 'place-hold';
    case 'hold-captured':
      return 'capture-hold';
    case 'hold-released':
      return 'release-hold';
    case 'hold-expired':
      return 'expire-hold';
    case 'order-placed':
      return 'place-order';
    case 'order-filled':
    case 'fill-repeated':
      return 'fill-order';
    case 'order-cancelled':
      return 'cancel-order';
    case 'order-expired':
      return 'expire-order';
    case 'transfer-sent':
      return event.reverses === undefined ? 'transfer' : 'reverse';
    case 'transfer-received':
    case 'transfer-refused':
      return 'receive-transfer';
    case 'transfer-completed':
      return 'complete-transfer';
    case 'transfer-returned':
      return 'return-transfer';
    case 'entry-reversed':
      return 'reverse';
    case 'asset-registered':
      return 'register-asset';
    case 'command-rejected':
      return event.commandType;
    default:
      return assertNever(event);
  }
}

/** The scope of keys in a stream. */
export const scopeOfSubject = (subject: Subject): AccountId =>
  subject.kind === 'account' ? subject.accountId : assetScopeOf(subject.code);

/**
 * The outcome that an event states; undefined for an annulled one, whose command has none.
 * @throws Error where a stored refusal names a code outside the catalogue.
 */
export function outcomeOf(recorded: RecordedEvent): StoredOutcome | undefined {
  const { event, metadata, subject } = recorded;
  if (event.type === 'annulled') return undefined;
  const base: OutcomeBase = {
    commandId: metadata.commandId,
    commandHash: metadata.commandHash,
    scope: scopeOfSubject(subject),
    subject,
    commandType: commandTypeOf(event),
    eventId: recorded.eventId,
    revision: recorded.revision,
    position: recorded.position,
  };
  if (event.type === 'command-rejected') {
    if (!isRejectionCode(event.code))
      throw new Error(`${recorded.stream}@${recorded.revision} refuses with an unknown code "${event.code}"`);
    return {
      ...base,
      status: 'rejected',
      code: event.code,
      detail: event.detail,
      fields: event.fields,
      correlationId: metadata.correlationId,
    };
  }
  return {
    ...base,
    status: 'applied',
    balances: 'balances' in event ? event.balances : [],
    result: resultOf(event, subject, recorded.eventId),
    ...(event.type === 'fill-repeated' ? { firstRevision: BigInt(event.firstRevision) } : {}),
  };
}
