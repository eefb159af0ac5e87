// The AsyncAPI 3 document: what goes over the broker, generated from the schemas that check it.
import { z } from 'zod';
import { Applied } from '../api/contract.ts';
import { ACCOUNT_ID, HOLD_ID, ORDER_ID } from '../api/examples.ts';
import { ROUTES } from '../api/routes/all.ts';
import { CLOUD_EVENTS_JSON, INTEGRATION_EVENT_TYPES, integrationEventSchema } from '../consumers/integration-events.ts';
import { COMMAND_TABLE } from '../domain/command-table.ts';
import type { CommandType } from '../domain/commands.ts';
import { COMMANDS } from '../domain/commands.ts';
import { accessInWords, COMMAND_ACCESS } from '../identity/access.ts';
import { DETAIL_HEADER, REASON_HEADER } from './dead-letters.ts';
import { HIT_HEADER, REPLY_TYPE, RejectedBody } from './replies.ts';
import { DEAD_QUEUE, EXCHANGES } from './topology.ts';

type Json = { readonly [member: string]: unknown };
const text = (description: string): Json => ({ type: 'string', description });
const reference = (path: string): Json => ({ $ref: `#/${path}` });
const BINDING = { bindingVersion: '0.3.0' } as const;

/** A message's AMQP properties and headers: AsyncAPI has one place for both. */
const properties = (named: Json, required: readonly string[] = []): Json => ({ type: 'object', properties: named, required });
const TRACEPARENT = text('Header, W3C trace context: it is kept with the event.');

const COMMAND_PROPERTIES: Json = {
  messageId: text('Property: the idempotency key, 1 to 255 printable ASCII characters. Where it cannot be set, `key` in the body.'),
  correlationId: text('Property: comes back with the answer.'),
  replyTo: text('Property: the queue to be answered at; `amq.rabbitmq.reply-to` too.'),
  userId: text(
    'Property: the broker user who sends, checked by the broker; it is a client of the ledger, with a role. In production a message without one is refused.',
  ),
  traceparent: TRACEPARENT,
};

/** The document, of a program of that version. */
export function asyncApiDocument(version: string): Json {
  const schemas = new Map<string, Json>();
  /** The JSON Schema of a message; what has a name in it stands among the document's schemas. */
  function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
    const { $schema, definitions, ...own } = z.toJSONSchema(schema, {
      target: 'draft-7',
      io,
      unrepresentable: 'any',
      override: withoutMarks,
    });
    for (const [definedAs, definition] of Object.entries(definitions ?? {})) {
      const name = nameOf(definedAs);
      const known = schemas.get(name);
      const named = referring(definition);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(named)) throw new Error(`there are two schemas named ${name}`);
      schemas.set(name, named);
    }
    return referring(own);
  }

  const commands = Object.entries(COMMANDS).map(([type, schema]) => commandMessage(type, schema, schemaOf(bodyOf(schema), 'input')));
  const events = INTEGRATION_EVENT_TYPES.map((type) => eventMessage(type, schemaOf(integrationEventSchema(type), 'output')));
  const answers = [
    answerMessage('applied', 'A command was applied', schemaOf(Applied, 'output')),
    answerMessage('rejected', 'A command was refused', schemaOf(RejectedBody, 'output')),
  ];
  const named = (messages: readonly Message[]): Json =>
    Object.fromEntries(messages.map(({ id }) => [id, reference(`components/messages/${id}`)]));

  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Ledgerfold',
      version,
      description:
        'An event-sourced ledger over RabbitMQ: producers send commands and are answered, consumers are told what happened. Amounts are decimal strings; revisions and positions are decimal strings, too.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: { broker: { host: '127.0.0.1:5672', protocol: 'amqp', protocolVersion: '0-9-1', description: 'RabbitMQ 3.10 or later.' } },
    channels: {
      commands: {
        address: '{accountId}',
        title: 'Commands',
        description: `The topic exchange \`${EXCHANGES.commands}\`. Commands of one account are decided in the order in which they are published.`,
        parameters: { accountId: { description: "The account's id, in lower case: the routing key." } },
        messages: named(commands),
        bindings: { amqp: { is: 'routingKey', exchange: exchange(EXCHANGES.commands, 'topic'), ...BINDING } },
      },
      answers: {
        address: null,
        title: 'Answers',
        description: 'The queue that the command names in `replyTo`.',
        messages: named(answers),
      },
      events: {
        address: 'account.{type}',
        title: 'Integration events',
        description: `The topic exchange \`${EXCHANGES.events}\`: bind a queue of your own. CloudEvents 1.0, structured JSON; at least once, and those of one account in their order.`,
        parameters: { type: { description: 'What happened.', enum: INTEGRATION_EVENT_TYPES } },
        messages: named(events),
        bindings: { amqp: { is: 'routingKey', exchange: exchange(EXCHANGES.events, 'topic'), ...BINDING } },
      },
      deadLetters: {
        address: DEAD_QUEUE,
        title: 'Dead letters',
        description: `The queue behind the exchange \`${EXCHANGES.dead}\`: messages that no retry can make a command.`,
        messages: named([DEAD_LETTER]),
        bindings: { amqp: { is: 'queue', queue: { name: DEAD_QUEUE, durable: true, exclusive: false, autoDelete: false }, ...BINDING } },
      },
    },
    operations: {
      decideCommand: {
        action: 'receive',
        channel: reference('channels/commands'),
        summary: 'Decide a command, and answer it where an answer is asked for.',
        messages: commands.map(({ id }) => reference(`channels/commands/messages/${id}`)),
        reply: {
          address: { location: '$message.header#/replyTo', description: 'Commands without a replyTo are not answered.' },
          channel: reference('channels/answers'),
          messages: answers.map(({ id }) => reference(`channels/answers/messages/${id}`)),
        },
        bindings: { amqp: { deliveryMode: 2, mandatory: true, ack: true, ...BINDING } },
      },
      tellEvent: {
        action: 'send',
        channel: reference('channels/events'),
        summary: 'Tell what happened.',
        messages: events.map(({ id }) => reference(`channels/events/messages/${id}`)),
        bindings: { amqp: { deliveryMode: 2, ...BINDING } },
      },
      keepDeadLetter: {
        action: 'send',
        channel: reference('channels/deadLetters'),
        summary: 'Keep a message that is no command, with the reason.',
        messages: [reference(`channels/deadLetters/messages/${DEAD_LETTER.id}`)],
        bindings: { amqp: { deliveryMode: 2, ...BINDING } },
      },
    },
    components: {
      messages: Object.fromEntries([...commands, ...answers, ...events, DEAD_LETTER].map(({ id, ...message }) => [id, message])),
      schemas: Object.fromEntries([...schemas].sort(([one], [other]) => (one < other ? -1 : 1))),
    },
  };
}

interface Message extends Json {
  readonly id: string;
}

/** The type is a property of the message; where a client cannot set that, the body says it, and the key. */
function bodyOf(schema: z.ZodObject): z.ZodType {
  const { type, ...fields } = schema.shape;
  const instead = (property: string): string => `Where the property \`${property}\` cannot be set; where it is set, too, they agree.`;
  return z.strictObject({
    ...fields,
    type: z.optional(type).meta({ description: instead('type') }),
    key: z
      .string()
      .optional()
      .meta({ description: instead('messageId') }),
  });
}

const isCommandType = (type: string): type is CommandType => Object.hasOwn(COMMAND_TABLE, type);

/** The example of the command's own route, and what stands in its path. */
function exampleOf(type: string, schema: z.ZodObject): Json {
  const operationId = type.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const route = ROUTES.find(({ doc }) => doc.operationId === operationId);
  const addressed = Object.entries({ accountId: ACCOUNT_ID, holdId: HOLD_ID, orderId: ORDER_ID, symbol: 'BTC' });
  const path = Object.fromEntries(addressed.filter(([field]) => Object.hasOwn(schema.shape, field)));
  return Object.assign(path, route?.doc.bodyExample);
}

function commandMessage(type: string, schema: z.ZodObject, payload: Json): Message {
  return {
    id: type,
    name: type,
    title: type,
    ...(isCommandType(type) && { summary: COMMAND_TABLE[type].does, description: `For: ${accessInWords(COMMAND_ACCESS[type])}.` }),
    contentType: 'application/json',
    correlationId: { location: '$message.header#/correlationId' },
    headers: properties({ type: { const: type, description: 'Property.' }, ...COMMAND_PROPERTIES }),
    payload,
    examples: [{ payload: exampleOf(type, schema) }],
    bindings: { amqp: { messageType: type, ...BINDING } },
  };
}

const answerMessage = (id: string, summary: string, payload: Json): Message => ({
  id,
  name: id,
  title: id,
  summary,
  contentType: 'application/json',
  correlationId: { location: '$message.header#/correlationId' },
  headers: properties({
    type: { const: REPLY_TYPE, description: 'Property.' },
    correlationId: text("Property: the command's."),
    [HIT_HEADER]: { const: 'true', description: 'Header: an earlier command with this key made the outcome. Absent where none did.' },
    traceparent: text("Header: the command's."),
  }),
  payload,
  bindings: { amqp: { messageType: REPLY_TYPE, ...BINDING } },
});

const eventMessage = (type: string, payload: Json): Message => ({
  id: `ledger.account.${type}.v1`,
  name: `ledger.account.${type}.v1`,
  title: type,
  contentType: CLOUD_EVENTS_JSON,
  headers: properties({ messageId: text("Property: the event's id, the same whenever it is delivered.") }, ['messageId']),
  payload,
});

const DEAD_LETTER: Message = {
  id: 'dead-letter',
  name: 'dead-letter',
  title: 'dead letter',
  summary: 'A message as it came, with the reason.',
  headers: properties(
    {
      [REASON_HEADER]: text('Header: the code of the problem.'),
      [DETAIL_HEADER]: text('Header: what is wrong, in a sentence.'),
    },
    [REASON_HEADER],
  ),
  payload: { description: 'The body as it came, whatever it is.' },
};

const exchange = (name: string, type: string): Json => ({ name, type, durable: true, autoDelete: false });

/** `amount` is the edge's own mark, and a name is not an `id` of JSON Schema. */
function withoutMarks({ jsonSchema }: { jsonSchema: object }): void {
  Reflect.deleteProperty(jsonSchema, 'amount');
  Reflect.deleteProperty(jsonSchema, 'id');
}

/** JSON that refers to itself has no name of its own where events carry it. */
const nameOf = (definition: string): string => (definition.startsWith('__schema') ? 'AnyJson' : definition);

/** The same with its references pointing at the document's schemas. */
const referring = (schema: unknown): Json =>
  JSON.parse(JSON.stringify(schema), (member, value: unknown) =>
    member === '$ref' ? `#/components/schemas/${nameOf(String(value).replace('#/definitions/', ''))}` : value,
  );
