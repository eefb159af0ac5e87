// Commands: every key answered once, under the id that is made of it; what the ledger asks of itself under keys of its own; payments
// and refusals that are what they say.
import { v5 as uuidv5 } from 'uuid';
import type { RecordedEvent, StoredEvent } from '../../domain/events.ts';
import type { EventPlace } from '../../eventstore/errors.ts';
import { canonicalJson } from '../canonical-json.ts';
import { sha256 } from '../chain.ts';
import { amountFrom, decimalOf } from './decimals.ts';
import type { Money } from './money.ts';
import type { Tell } from './observation.ts';
import { keepable } from './observation.ts';
import type { Heap, Papers } from './papers.ts';

const NIL_UUID = '00000000-0000-0000-0000-000000000000';
const OWN_KEYS = 'sys:';

/** The command that each type of event answers; of those that depend on more, see below. */
const COMMAND_OF: Readonly<Partial<Record<StoredEvent['type'], string>>> = {
  'account-opened': 'open-account',
  'account-frozen': 'freeze-account',
  'account-unfrozen': 'unfreeze-account',
  'account-closed': 'close-account',
  'limits-set': 'set-limits',
  deposited: 'deposit',
  withdrawn: 'withdraw',
  'coin-updated': 'update-coin',
  'coin-removed': 'remove-coin',
  'hold-placed': 'place-hold',
  'hold-captured': 'capture-hold',
  'hold-released': 'release-hold',
  'hold-expired': 'expire-hold',
  'order-placed': 'place-order',
  'order-filled': 'fill-order',
  'fill-repeated': 'fill-order',
  'order-cancelled': 'cancel-order',
  'order-expired': 'expire-order',
  'transfer-received': 'receive-transfer',
  'transfer-refused': 'receive-transfer',
  'transfer-completed': 'complete-transfer',
  'transfer-returned': 'return-transfer',
  'entry-reversed': 'reverse',
  'asset-registered': 'register-asset',
};

function commandOf(event: StoredEvent): string {
  if (event.type === 'command-rejected') return event.commandType;
  if (event.type === 'transfer-sent') return event.reverses === undefined ? 'transfer' : 'reverse';
  return COMMAND_OF[event.type] ?? 'unknown';
}

/** Commands that nobody but the ledger itself gives. */
const OWN_COMMANDS: ReadonlySet<string> = new Set([
  'expire-hold',
  'expire-order',
  'receive-transfer',
  'complete-transfer',
  'return-transfer',
]);

/** What the answer to the command says that it made. */
function resultOf(event: StoredEvent, { subject, eventId }: RecordedEvent): Readonly<Record<string, string>> {
  if (event.type === 'account-opened') return subject.kind === 'account' ? { accountId: subject.accountId } : {};
  if (event.type === 'deposited' || event.type === 'withdrawn' || event.type === 'entry-reversed') return { entryId: eventId };
  if (event.type === 'coin-updated' || event.type === 'coin-removed') return { symbol: event.asset, quantity: event.quantity };
  if (event.type === 'asset-registered') return { code: event.code };
  if (event.type === 'hold-placed') return { holdId: event.holdId };
  if (event.type === 'hold-captured') return { holdId: event.holdId, remaining: event.remaining };
  if (event.type === 'hold-released' || event.type === 'hold-expired')
    return { holdId: event.holdId, remaining: decimalOf(0n, amountFrom(event.amount).scale) };
  if (event.type === 'order-placed') return { orderId: event.orderId };
  if (event.type === 'order-filled' || event.type === 'fill-repeated') return { fillId: event.fillId, orderStatus: event.orderStatus };
  if (event.type === 'order-cancelled') return { orderId: event.orderId, orderStatus: 'cancelled' };
  if (event.type === 'order-expired') return { orderId: event.orderId, orderStatus: 'expired' };
  if (event.type === 'transfer-sent')
    return { ...(event.reverses === undefined ? {} : { entryId: eventId }), transferId: event.transferId, state: 'pending' };
  return 'transferId' in event ? { transferId: event.transferId } : {};
}

/** The answer to a command, as it is kept to be given again. */
export interface Outcome {
  readonly commandHash: string;
  readonly scope: string;
  readonly commandType: string;
  readonly eventId: string;
  readonly revision: string;
  readonly position: string;
  readonly status: string;
  readonly payload: unknown;
}

/** All of it in a few bytes. */
export const digestOf = (outcome: Outcome): string => sha256(canonicalJson(outcome)).slice(0, 32);

const payloadOf = (event: StoredEvent, recorded: RecordedEvent): unknown => {
  if (event.type === 'command-rejected') {
    const { code, detail, fields } = event;
    return { code, detail, fields, correlationId: recorded.metadata.correlationId };
  }
  const balances = 'balances' in event ? event.balances : [];
  const first = event.type === 'fill-repeated' ? { firstRevision: event.firstRevision } : {};
  return { balances, result: resultOf(event, recorded), ...first };
};

/** Where an answer stands, and what it is. */
export interface KeptOutcome {
  readonly digest: string;
  readonly eventId: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
}

/** A payment's own id, and the event that books it. */
export interface KeptPayment extends Omit<KeptOutcome, 'digest'> {
  readonly commandId: string;
}

export interface Commands {
  follow(at: RecordedEvent, event: StoredEvent): void;
  /** What has the same key twice. To be called at the end. */
  checkKeys(): void;
  /** By the command's id, and the asset where it was addressed to one. */
  readonly outcomes: Heap<KeptOutcome>;
  /** By account and the payment's own id. */
  readonly payments: Heap<KeptPayment>;
}

/** The event that is kept there, as findings name it. */
export const placeOf = ({ stream, revision, position, eventId }: Omit<KeptOutcome, 'digest'>): EventPlace => ({
  stream,
  revision: BigInt(revision),
  position: BigInt(position),
  eventId,
});

export function makeCommands(papers: Papers, money: Pick<Money, 'balanceOf'>, tell: Tell): Commands {
  const outcomes = papers.heap<KeptOutcome>();
  const payments = papers.heap<KeptPayment>();

  function checkKey(at: RecordedEvent, commandType: string, scope: string): void {
    const { key, commandId, transport } = at.metadata;
    const expected = uuidv5(key, scope);
    if (commandId !== expected)
      tell(at, 'wrong_command_id', `The command's id is not that of the key "${key}".`, { expected, found: commandId });
    const isOwn = key.startsWith(OWN_KEYS);
    const isFirstAsset = commandType === 'register-asset' && isOwn;
    if (isOwn !== (transport === 'internal') || (isOwn !== OWN_COMMANDS.has(commandType) && !isFirstAsset))
      tell(
        at,
        'wrong_key',
        `A ${commandType} command came over ${transport} under the key "${key}": keys that begin with ${OWN_KEYS} are the ledger's own.`,
      );
  }

  function keepPayment(at: RecordedEvent, event: StoredEvent): void {
    const isPayment = event.type === 'deposited' || event.type === 'withdrawn' || event.type === 'transfer-sent';
    const externalId = isPayment ? keepable(event.externalId) : null;
    if (externalId === null || at.subject.kind !== 'account') return;
    const { stream, eventId, metadata } = at;
    const place = { stream, revision: `${at.revision}`, position: `${at.position}`, eventId };
    payments.add(`${at.subject.accountId} ${externalId}`, { commandId: metadata.commandId, ...place });
  }

  /** Backdating looks back, and only payments are backdated. */
  function checkEffectiveTime(at: RecordedEvent, commandType: string): void {
    const { effectiveAt, occurredAt } = at.metadata;
    if (effectiveAt === undefined) return;
    if (commandType !== 'deposit' && commandType !== 'withdraw')
      tell(at, 'effective_time', `A ${commandType} command has an effective time.`);
    else if (Date.parse(effectiveAt) > Date.parse(occurredAt))
      tell(at, 'effective_time', 'It takes effect after it occurred.', { expected: `${occurredAt} or earlier`, found: effectiveAt });
  }

  /** A refusal for want of money is told with the figures of the moment. */
  function checkRefusal(at: RecordedEvent, event: StoredEvent): void {
    if (event.type !== 'command-rejected' || event.code !== 'insufficient_funds' || at.subject.kind !== 'account') return;
    const { asset, available, requested } = event.fields;
    if (asset === undefined || available === undefined || requested === undefined) return;
    const there = money.balanceOf(at.subject.accountId, asset).available;
    const said = amountFrom(available);
    if (said.minor !== there || amountFrom(requested).minor <= there)
      tell(at, 'wrong_refusal', `It is refused for want of ${requested} ${asset}.`, {
        expected: `${decimalOf(there, said.scale)} available`,
        found: `${available} available`,
      });
  }

  function follow(at: RecordedEvent, event: StoredEvent): void {
    const { subject, metadata, eventId, revision, position, stream } = at;
    const scope = subject.kind === 'account' ? subject.accountId : uuidv5(subject.code, NIL_UUID);
    const commandType = commandOf(event);
    checkKey(at, commandType, scope);
    keepPayment(at, event);
    checkEffectiveTime(at, commandType);
    checkRefusal(at, event);
    const place = { revision: `${revision}`, position: `${position}` };
    const digest = digestOf({
      ...{ commandHash: metadata.commandHash, scope, commandType, eventId, ...place },
      ...{ status: event.type === 'command-rejected' ? 'rejected' : 'applied', payload: payloadOf(event, at) },
    });
    outcomes.add(outcomeKey(metadata.commandId, subject.kind === 'asset' ? subject.code : null), { digest, stream, eventId, ...place });
  }

  function checkKeys(): void {
    for (const [first, second] of doubles(outcomes.sorted()))
      tell(placeOf(second), 'duplicate_key', 'Its key has an outcome already.', {
        expected: `one outcome, at ${first.stream}@${first.revision}`,
        found: 'another',
      });
    for (const [first, second] of doubles(payments.sorted()))
      tell(placeOf(second), 'duplicate_payment', 'Its payment is booked again.', {
        expected: `once, at ${first.stream}@${first.revision}`,
        found: 'twice',
      });
  }

  return { follow, checkKeys, outcomes, payments };
}

export const outcomeKey = (commandId: string, asset: string | null): string => `${commandId} ${asset ?? ''}`;

/** Each that has the key of the one before it, with that one. */
function* doubles<Value>(sorted: Iterable<readonly [key: string, value: Value]>): Generator<readonly [first: Value, second: Value]> {
  let last: readonly [key: string, value: Value] | undefined;
  for (const entry of sorted) {
    if (last !== undefined && last[0] === entry[0]) yield [last[1], entry[1]];
    last = entry;
  }
}
