// The outcome of a command, read off its one event: what the first answer said and every repeat says again.
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
  };
}
