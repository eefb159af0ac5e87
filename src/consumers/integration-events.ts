// Integration events: what other services are told, as CloudEvents 1.0. Made from the event alone, so that the same event is the
// same message whenever and by whomever it is published.
import { z } from 'zod';
import type { EventType, RecordedEvent } from '../domain/events.ts';
import { BalanceAfterSchema, EVENTS } from '../domain/events.ts';
import { AccountIdSchema, CommandIdSchema, IdempotencyKeySchema, Uuid } from '../domain/ids.ts';

/** Whether others are told of events of a type. Assets are the ledger's own; a fill that was reported again has changed nothing. */
const IS_TOLD = {
  'account-opened': true,
  'account-frozen': true,
  'account-unfrozen': true,
  'account-closed': true,
  'limits-set': true,
  deposited: true,
  withdrawn: true,
  'coin-updated': true,
  'coin-removed': true,
  'hold-placed': true,
  'hold-captured': true,
  'hold-released': true,
  'hold-expired': true,
  'order-placed': true,
  'order-filled': true,
  'fill-repeated': false,
  'order-cancelled': true,
  'order-expired': true,
  'transfer-sent': true,
  'transfer-received': true,
  'transfer-refused': true,
  'transfer-completed': true,
  'transfer-returned': true,
  'entry-reversed': true,
  'asset-registered': false,
  'command-rejected': true,
} as const satisfies Record<EventType, boolean>;

/** The types of integration events; each is an event's type in the log. */
export type IntegrationEventType = { [Type in EventType]: (typeof IS_TOLD)[Type] extends true ? Type : never }[EventType];

const isTold = (type: EventType): type is IntegrationEventType => IS_TOLD[type];
const isEventType = (name: string): name is EventType => Object.hasOwn(IS_TOLD, name);
export const INTEGRATION_EVENT_TYPES: readonly IntegrationEventType[] = Object.keys(IS_TOLD).filter(isEventType).filter(isTold);

/** What every integration event is published as. */
export const CLOUD_EVENTS_JSON = 'application/cloudevents+json';
const SOURCE = '/ledgerfold';
const decimal = z.string().regex(/^(0|[1-9][0-9]*)$/);

/** What the data of every integration event has beside the event's own fields. */
const told = {
  /** Of the event in its account's stream. */
  revision: decimal,
  /** Of the event in the log: queries that are given it as `minPosition` show the event. */
  position: decimal,
  /** Of the command: the same as in its answer. Keys that begin with `sys:` are the ledger's own. */
  key: IdempotencyKeySchema,
  commandId: CommandIdSchema,
  correlationId: z.string(),
  effectiveAt: z.iso.datetime().optional(),
  /** Every asset that the event touched, after it. */
  balances: z.array(BalanceAfterSchema),
};

/** The whole message of a type: the source of its type, of what consumers can check it with, and of the AsyncAPI document. */
export function integrationEventSchema(type: IntegrationEventType) {
  const { version: _, ...own }: z.ZodRawShape = EVENTS[type].shape;
  return z.object({
    specversion: z.literal('1.0'),
    id: Uuid,
    source: z.string(),
    type: z.literal(`ledger.account.${type}.v1`),
    subject: AccountIdSchema,
    time: z.iso.datetime(),
    traceparent: z.string().optional(),
    data: z.object({ ...own, ...told }),
  });
}

/** A CloudEvents 1.0 event in its structured JSON form; `integrationEventSchema` says what is in the data of each type. */
export interface IntegrationEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: `ledger.account.${IntegrationEventType}.v1`;
  readonly subject: string;
  readonly time: string;
  readonly traceparent?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Where the event is published in the topic exchange: `account.<type>`. */
export const routingKeyOf = (type: IntegrationEventType): string => `account.${type}`;

export interface ToldEvent {
  readonly routingKey: string;
  readonly message: IntegrationEvent;
}

/** What others are told of the event; undefined where nothing. */
export function integrationEventOf(recorded: RecordedEvent): ToldEvent | undefined {
  const { event, subject, metadata, revision, position } = recorded;
  if (event.type === 'annulled' || subject.kind !== 'account' || !isTold(event.type)) return undefined;
  const { type: _type, version: _, ...own } = event;
  const { key, commandId, correlationId, occurredAt, effectiveAt, traceparent } = metadata;
  return {
    routingKey: routingKeyOf(event.type),
    message: {
      specversion: '1.0',
      id: recorded.eventId,
      source: SOURCE,
      type: `ledger.account.${event.type}.v1`,
      subject: subject.accountId,
      time: occurredAt,
      ...(traceparent !== undefined && { traceparent }),
      data: {
        ...own,
        revision: `${revision}`,
        position: `${position}`,
        key,
        commandId,
        correlationId,
        ...(effectiveAt !== undefined && { effectiveAt }),
        balances: 'balances' in event ? event.balances : [],
      },
    },
  };
}
