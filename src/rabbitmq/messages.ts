// Command messages: from a message to a command with what is known of its sender, and back. Pure.
import { randomUUID } from 'node:crypto';
import type { Message } from 'amqplib';
import { z } from 'zod';
import type { SentCommand } from '../api/command-answer.ts';
import { openingCommand } from '../api/opening.ts';
import type { PermissionSettings } from '../api/permissions.ts';
import { sendingRefusal } from '../api/permissions.ts';
import type { Refusal } from '../api/problems.ts';
import { refusal } from '../api/problems.ts';
import { keyFault, requestIdFrom, traceparentOf } from '../api/request-headers.ts';
import { bodyRefusal } from '../api/request-shape.ts';
import type { CommandEnvelope } from '../commands/bus.ts';
import { MalformedJson, parseStrictJson } from '../commands/strict-json.ts';
import { AccountCommandSchema, COMMANDS, isInternal, RegisterAssetCommand, scopeOf } from '../domain/commands.ts';
import { openedAccountIdOf } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import { COMMAND_ACCESS, ownerLimitOf } from '../identity/access.ts';
import type { Principal } from '../identity/principal.ts';
import type { OutgoingMessage } from './publisher.ts';
import { EXCHANGES } from './topology.ts';
import type { ActingRules, Sender } from './who-acts.ts';
import { ownHeadersOf } from './who-acts.ts';

export interface MessageRules extends ActingRules {
  /** The longest body that is read. */
  readonly bodyLimitBytes: number;
  readonly permissions: PermissionSettings;
}

/** A command of the ledger's API, or of a producer. */
export interface CommandMessage {
  readonly kind: 'command';
  readonly command: SentCommand;
  readonly envelope: CommandEnvelope;
  /** True where this ledger's own API waits for the answer: it gets every final one, also those that a producer finds in the dead letters. */
  readonly isFromGateway: boolean;
}
/** A message that no retry will make a command. */
export interface DeadMessage {
  readonly kind: 'dead';
  readonly refusal: Refusal;
}

type CommandTypeName = keyof typeof COMMANDS;
const isClientType = (type: string): type is CommandTypeName => Object.hasOwn(COMMANDS, type);
const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-?8"?\s*)?$/i;

/**
 * Reads a message in the order of checks of a request: who acts (who-acts.ts), size and media type, what they may send, shape, key.
 * Refuses what REST refuses, and the same numbers and duplicate names; a message is refused for good, so nothing here depends on
 * anything but it and who acts.
 */
export function parseCommandMessage(message: Message, sender: Sender, rules: MessageRules): CommandMessage | DeadMessage {
  if (sender.kind === 'refused') return dead(sender.rejection);
  const media = mediaRefusal(message, rules);
  if (media) return dead(media);
  const body = fieldsOf(message.content);
  if ('refused' in body) return dead(body.refused);

  const { properties } = message;
  const { type: bodyType, key: bodyKey, ...fields } = body.fields;
  const type = agreed('type', properties.type, bodyType);
  if ('refused' in type) return dead(type.refused);
  const isFromGateway = sender.kind === 'gateway';
  if (isFromGateway ? !isClientType(type.value) && type.value !== 'register-asset' : !isClientType(type.value)) {
    return dead(refusal('malformed_request', `There is no command "${type.value.slice(0, 64)}".`));
  }
  const forbidden = sender.kind === 'principal' && isClientType(type.value) && roleRefusal(sender.principal, type.value, fields, rules);
  if (forbidden) return dead(forbidden);

  const parsed = parsedCommand(type.value, fields);
  if ('refused' in parsed) return dead(parsed.refused);
  const key = agreed('key', properties.messageId, bodyKey);
  if ('refused' in key) return dead(key.refused);
  const fault = keyFault(key.value);
  if (fault !== undefined) return dead(refusal('malformed_request', fault));
  const routed = routingRefusal(message, parsed.command);
  if (routed) return dead(routed);
  const sent = sentBy(sender, parsed.command, key.value);
  if ('refused' in sent) return dead(sent.refused);

  const { command } = sent;
  const traceparent = traceparentOf({ headers: { traceparent: textOf(properties.headers?.['traceparent']) } });
  return {
    kind: 'command',
    command,
    isFromGateway,
    envelope: {
      command,
      key: key.value,
      ...(sender.kind === 'gateway'
        ? sender.says
        : { ...actingIn(sender.principal, command), correlationId: requestIdFrom(textOf(properties.correlationId)), dryRun: false }),
      ...(traceparent !== undefined && { traceparent }),
    },
  };
}

/**
 * The message of a command, for the ledger's own broker user.
 * @throws TypeError for the ledger's internal commands, which go over no edge: a bug.
 */
export function formatCommand(
  envelope: CommandEnvelope,
  { user, replyTo, correlationId }: { readonly user: string; readonly replyTo: string; readonly correlationId: string },
): OutgoingMessage {
  const { command, key, traceparent } = envelope;
  if (isInternal(command)) throw new TypeError(`${command.type} is no command for the broker`);
  const { type, ...fields } = command;
  return {
    exchange: EXCHANGES.commands,
    routingKey: scopeOf(command),
    content: Buffer.from(JSON.stringify(fields)),
    options: {
      persistent: true,
      mandatory: true,
      contentType: 'application/json',
      messageId: key,
      type,
      userId: user,
      replyTo,
      correlationId,
      headers: { ...ownHeadersOf(envelope), ...(traceparent !== undefined && { traceparent }) },
    },
  };
}

/** A correlation id that nobody else uses. */
export const newCorrelationId = (): string => randomUUID();

const dead = (refused: Refusal): DeadMessage => ({ kind: 'dead', refusal: refused });
/** A property or header as text; AMQP has other types, which mean nothing here. */
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function mediaRefusal({ content, properties }: Message, { bodyLimitBytes }: MessageRules): Refusal | undefined {
  if (content.length > bodyLimitBytes) return refusal('body_too_large', `The body has more than ${bodyLimitBytes} bytes.`);
  const { contentType, contentEncoding } = properties;
  // Not every client can say what it sends; one that does has to say JSON.
  if (contentType !== undefined && contentType !== '' && !JSON_TYPE.test(String(contentType)))
    return refusal('unsupported_media_type', 'Send the body as application/json.');
  if (contentEncoding !== undefined && contentEncoding !== '' && !/^(identity|utf-?8)$/i.test(String(contentEncoding)))
    return refusal('unsupported_media_type', 'Send the body without a content encoding.');
  return undefined;
}

/** The routing key is the account's id, so a message that opens an account names it: that is judged with its key, below. */
function roleRefusal(
  principal: Principal,
  type: CommandTypeName,
  fields: Readonly<Record<string, unknown>>,
  { permissions }: MessageRules,
): Rejection | undefined {
  const { accountId, ...others } = fields;
  return sendingRefusal(principal, type, type === 'open-account' ? others : fields, permissions);
}

/** The command as its sender means it: what a user opens is theirs, under the id that REST would give it. */
function sentBy(sender: Sender, command: SentCommand, key: string): Read<{ readonly command: SentCommand }> {
  if (sender.kind !== 'principal' || command.type !== 'open-account') return { command };
  const { principal } = sender;
  const own = openedAccountIdOf(principal.uuid, key);
  if (ownerLimitOf(COMMAND_ACCESS[command.type], principal) !== undefined && command.accountId !== own)
    return { refused: rejection('forbidden', `Users may not choose the id of an account: with this key it is ${own}.`) };
  return { command: openingCommand(command, key, principal) };
}

function actingIn(principal: Principal, command: SentCommand): Pick<CommandEnvelope, 'actor' | 'transport' | 'onlyOwner'> {
  const onlyOwner = ownerLimitOf(COMMAND_ACCESS[command.type], principal);
  return { actor: principal.uuid, transport: 'amqp', ...(onlyOwner !== undefined && { onlyOwner }) };
}

type Read<Value> = Value | { readonly refused: Refusal };

const Fields = z.record(z.string(), z.unknown());

function fieldsOf(content: Buffer): Read<{ readonly fields: Readonly<Record<string, unknown>> }> {
  try {
    const fields = Fields.safeParse(parseStrictJson(content));
    return fields.success ? { fields: fields.data } : { refused: refusal('malformed_request', 'The body is no JSON object.') };
  } catch (error) {
    if (error instanceof MalformedJson) return { refused: refusal('malformed_request', error.message) };
    throw error;
  }
}

/** What a property says and a member of the body may say, too: one of them has to, and both may only say the same. */
function agreed(name: 'type' | 'key', property: unknown, member: unknown): Read<{ readonly value: string }> {
  const said = [property, member].filter((value) => value !== undefined && value !== '');
  const [value] = said;
  if (value === undefined) {
    return name === 'key'
      ? { refused: refusal('idempotency_key_missing', 'Send a key as the messageId, or as `key` in the body.') }
      : { refused: refusal('malformed_request', 'Say which command it is in the type, or as `type` in the body.') };
  }
  if (typeof value !== 'string' || said.some((other) => other !== value))
    return { refused: refusal('malformed_request', `The ${name} of the message and the \`${name}\` in its body are not the same text.`) };
  return { value };
}

function parsedCommand(type: string, fields: object): Read<{ readonly command: SentCommand }> {
  const sent = { ...fields, type };
  const parsed = type === 'register-asset' ? RegisterAssetCommand.safeParse(sent) : AccountCommandSchema.safeParse(sent);
  if (parsed.success) return { command: parsed.data };
  const schema = isClientType(type) ? COMMANDS[type] : RegisterAssetCommand;
  return { refused: bodyRefusal(schema, sent, parsed.error.issues) };
}

/** The routing key says in which queue a command waits: another one than the account's would take it out of the account's order. */
function routingRefusal({ fields, properties }: Message, command: SentCommand): Refusal | undefined {
  const scope = scopeOf(command);
  if (fields.routingKey !== scope)
    return refusal('malformed_request', `The routing key has to be the account's id, ${scope}, in lower case.`);
  // What is answered to the ledger's own queues would come back as a command of the ledger.
  const replyTo = textOf(properties.replyTo);
  return replyTo?.startsWith('ledger.') ? refusal('malformed_request', 'Answers do not go to queues of the ledger.') : undefined;
}
