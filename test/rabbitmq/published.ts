// Command messages as producers publish them, and what becomes of them; without a broker.
import type { Client } from '../../src/identity/clients.ts';
import type { Role } from '../../src/identity/roles.ts';
import type { ConsumeMessage } from '../../src/rabbitmq/connection.ts';
import type { CommandMessage, MessageRules } from '../../src/rabbitmq/messages.ts';
import { parseCommandMessage } from '../../src/rabbitmq/messages.ts';
import type { OutgoingMessage } from '../../src/rabbitmq/publisher.ts';
import { EXCHANGES } from '../../src/rabbitmq/topology.ts';
import { senderOf, whoActs } from '../../src/rabbitmq/who-acts.ts';
import { delivered } from './delivered.ts';

/** The ledger's own broker user. */
export const LEDGER = 'ledger';
export const ACCOUNT = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
export const DEPOSIT = { accountId: ACCOUNT, asset: 'USD', amount: '90.00' };
export const RULES: MessageRules = {
  ledgerUser: LEDGER,
  anonymousProducers: true,
  issuer: 'issuer',
  bodyLimitBytes: 65_536,
  permissions: { selfDeposit: false },
};
/** Broker users that are clients. */
const CLIENTS: Readonly<Record<string, Role>> = { shop: 'producer', till: 'user', desk: 'operator', books: 'auditor' };

const clientOf = (clientId: string): Client | undefined => {
  const role = CLIENTS[clientId];
  return role && { clientId, role };
};

export type Given = { readonly [Name in keyof OutgoingMessage['options']]?: OutgoingMessage['options'][Name] | undefined } & {
  readonly body?: unknown;
  readonly routingKey?: string;
};

/** A producer's deposit, with what is given in its place. */
export function published({ body = DEPOSIT, routingKey = ACCOUNT, ...properties }: Given = {}): ConsumeMessage {
  const content = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const options = { contentType: 'application/json', messageId: 'k', type: 'deposit', userId: 'shop' };
  const message = delivered({ exchange: EXCHANGES.commands, routingKey, content, options });
  return { ...message, properties: { ...message.properties, ...properties } };
}

const parse = (message: ConsumeMessage, rules: MessageRules) => {
  const acting = whoActs(message, rules);
  return parseCommandMessage(message, senderOf(acting, acting.kind === 'client' ? clientOf(acting.clientId) : undefined, rules), rules);
};

/** Why the message is dead; `command` where it is one. */
export const reasonOf = (message: ConsumeMessage, rules = RULES): string => {
  const parsed = parse(message, rules);
  return parsed.kind === 'dead' ? parsed.refusal.code : 'command';
};
/** What is said of why it is dead. */
export const detailOf = (message: ConsumeMessage, rules = RULES): string => {
  const parsed = parse(message, rules);
  return parsed.kind === 'dead' ? parsed.refusal.detail : '';
};
export const read = (message: ConsumeMessage, rules = RULES): CommandMessage => {
  const parsed = parse(message, rules);
  if (parsed.kind === 'dead') throw new Error(parsed.refusal.detail);
  return parsed;
};
