// Dead letters as messages: a message that no retry can help, with the reason; and the same message sent again. Pure.
import type { Message, Options } from 'amqplib';
import { textOf } from './messages.ts';
import type { OutgoingMessage } from './publisher.ts';
import { cutToBytes, sendableHeaders, sendableProperty, shortText } from './sendable.ts';
import { EXCHANGES } from './topology.ts';
import { OWN_HEADERS } from './who-acts.ts';

export const REASON_HEADER = 'x-reason';
export const DETAIL_HEADER = 'x-detail';
/** In bytes. The reason is in the first words. */
const MAX_DETAIL = 2000;
/** In place of a broker user, for a message that had none. */
const NOBODY = '';

/**
 * The message as a dead letter, published by the ledger's own broker user. Who published it first is kept in a header,
 * because the broker lets nobody name another user than their own.
 */
export function deadLetterOf(message: Message, reason: string, detail: string, user: string): OutgoingMessage {
  const { content, fields, properties } = message;
  return {
    exchange: EXCHANGES.dead,
    routingKey: shortText(fields.routingKey),
    content,
    options: {
      ...propertiesOf(message),
      userId: user,
      headers: {
        ...sendableHeaders(properties.headers ?? {}),
        [OWN_HEADERS.userId]: firstUserOf(message, user) ?? NOBODY,
        [REASON_HEADER]: reason,
        [DETAIL_HEADER]: cutToBytes(detail, MAX_DETAIL),
      },
    },
  };
}

/**
 * The command in a dead letter, to be sent again by the ledger's own broker user: it acts for whoever sent it first, and
 * no more may be done with it than they may do. A dead letter that the broker made (a delivery limit, an expiry) is the message itself.
 */
export function redriven(deadLetter: Message, user: string): OutgoingMessage {
  const { content, fields, properties } = deadLetter;
  const first = firstUserOf(deadLetter, user);
  const kept = Object.entries(properties.headers ?? {}).filter(([name]) => !isOfTheDead(name));
  return {
    exchange: EXCHANGES.commands,
    routingKey: shortText(fields.routingKey),
    content,
    options: {
      ...propertiesOf(deadLetter),
      ...(first !== undefined && { userId: user }),
      headers: {
        ...sendableHeaders(Object.fromEntries(kept)),
        ...(first !== undefined && first !== user && { [OWN_HEADERS.userId]: first }),
      },
    },
  };
}

const isOfTheDead = (name: string): boolean =>
  [REASON_HEADER, DETAIL_HEADER, OWN_HEADERS.userId, 'x-death'].includes(name) ||
  /^x-((first|last)-death-|(delivery|acquired)-count$)/.test(name);

/** Who published the message first: what the header says counts only where the ledger wrote it. */
export function firstUserOf({ properties }: Pick<Message, 'properties'>, user: string): string | undefined {
  const said = properties.userId === user ? textOf(properties.headers?.[OWN_HEADERS.userId]) : undefined;
  const first = said ?? textOf(properties.userId);
  return first === NOBODY ? undefined : first;
}

/** What goes along. An expiry does not: a dead letter waits until somebody looks at it, and what is sent again is meant to arrive. */
function propertiesOf({ properties }: Message): Options.Publish {
  const { contentType, contentEncoding, messageId, type, correlationId, replyTo, timestamp, appId } = properties;
  const given = Object.entries({ contentType, contentEncoding, messageId, type, correlationId, replyTo, timestamp, appId });
  const sent = given.map(([name, value]) => [name, sendableProperty(value)] as const);
  return { ...Object.fromEntries(sent.filter(([, value]) => value !== undefined)), persistent: true, mandatory: true };
}
