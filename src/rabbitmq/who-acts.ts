// Who acts in a message: whom the broker vouches for, never whom the message names.
import type { Message } from 'amqplib';
import { z } from 'zod';
import { TRACEPARENT } from '../api/request-headers.ts';
import type { CommandEnvelope } from '../commands/bus.ts';
import { assertNever } from '../domain/assert-never.ts';
import { TransportSchema } from '../domain/events.ts';
import { Uuid } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import type { Client } from '../identity/clients.ts';
import { ClientIdSchema } from '../identity/clients.ts';
import type { Principal } from '../identity/principal.ts';
import { principalFrom } from '../identity/principal.ts';

/** Who acts in a message that nobody's name is on. No issuer of tokens is called so: it is nobody else's UUID. */
const ANONYMOUS = principalFrom('amqp', 'anonymous', 'producer', 'anonymous');

/** What the ledger says to itself beside a command. From anybody but its own broker user, any of these is a forgery. */
export const OWN_HEADERS = {
  actor: 'x-actor',
  onlyOwner: 'x-only-owner',
  transport: 'x-transport',
  correlationId: 'x-correlation-id',
  causationId: 'x-causation-id',
  ifMatch: 'x-if-match',
  dryRun: 'x-dry-run',
  /** Which span publishes it. */
  span: 'x-ledger-span',
  /** Of a dead letter sent again: the broker user who sent it first, and still acts. */
  userId: 'x-user-id',
} as const;

export interface ActingRules {
  /** The broker user of this ledger's own processes. */
  readonly ledgerUser: string;
  /** Whether a message without `userId` acts as a producer; never in production. */
  readonly anonymousProducers: boolean;
  /** The issuer of the clients' tokens: a client is the same principal over every transport. */
  readonly issuer: string;
}

type FromGateway = Pick<
  CommandEnvelope,
  'actor' | 'transport' | 'correlationId' | 'causationId' | 'onlyOwner' | 'ifMatch' | 'dryRun' | 'span'
>;
/** This ledger, for somebody whom its API knows and has let through. */
interface Gateway {
  readonly kind: 'gateway';
  readonly says: FromGateway;
}
interface Refused {
  readonly kind: 'refused';
  readonly rejection: Rejection;
}
/** Whom a message names, as far as it can be told from the message alone. */
export type Acting =
  | Gateway
  /** The client that is called like the broker user, if there is one. */
  | { readonly kind: 'client'; readonly clientId: string }
  | { readonly kind: 'anonymous' }
  | Refused;
/** Who acts, once the client is looked up. */
export type Sender = Gateway | { readonly kind: 'principal'; readonly principal: Principal } | Refused;

const Says = z
  .object({
    [OWN_HEADERS.actor]: z.string().min(1),
    [OWN_HEADERS.onlyOwner]: Uuid.optional(),
    [OWN_HEADERS.transport]: TransportSchema,
    [OWN_HEADERS.correlationId]: z.string().min(1),
    [OWN_HEADERS.causationId]: z.string().min(1).optional(),
    [OWN_HEADERS.ifMatch]: z
      .string()
      .regex(/^(0|[1-9][0-9]{0,18})$/)
      .transform(BigInt)
      .optional(),
    [OWN_HEADERS.dryRun]: z.literal('true').optional(),
    [OWN_HEADERS.span]: z.string().regex(TRACEPARENT).optional(),
  })
  .transform(
    ({
      [OWN_HEADERS.actor]: actor,
      [OWN_HEADERS.onlyOwner]: onlyOwner,
      [OWN_HEADERS.transport]: transport,
      [OWN_HEADERS.correlationId]: correlationId,
      [OWN_HEADERS.causationId]: causationId,
      [OWN_HEADERS.ifMatch]: ifMatch,
      [OWN_HEADERS.dryRun]: dryRun,
      [OWN_HEADERS.span]: span,
    }): FromGateway => ({
      actor,
      transport,
      correlationId,
      dryRun: dryRun !== undefined,
      ...(onlyOwner !== undefined && { onlyOwner }),
      ...(causationId !== undefined && { causationId }),
      ...(ifMatch !== undefined && { ifMatch }),
      ...(span !== undefined && { span }),
    }),
  );

/** Whom that message names. The broker has checked `userId` against the connection that published it; nothing else counts. */
export function whoActs({ properties }: Pick<Message, 'properties'>, { ledgerUser, anonymousProducers }: ActingRules): Acting {
  const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const publisher: unknown = properties.userId;
  // A dead letter that this ledger sends again acts for whoever sent it first.
  const sentAgainFor = publisher === ledgerUser ? headers[OWN_HEADERS.userId] : undefined;
  const userId = sentAgainFor ?? publisher;
  const said = Object.values(OWN_HEADERS).filter((name) => headers[name] !== undefined && !(name === OWN_HEADERS.userId && sentAgainFor));
  if (said.length > 0 && userId === ledgerUser) {
    const says = Says.safeParse(headers);
    if (says.success) return { kind: 'gateway', says: says.data };
    return refused('malformed_request', `The headers are not the ledger's own: ${z.prettifyError(says.error)}`);
  }
  if (said.length > 0) return refused('forbidden', `The header ${said.join(', ')} is the ledger's own; who acts is whom the broker knows.`);
  // Without those headers the ledger's own user speaks for nobody; it is never a client itself.
  if (typeof userId === 'string' && userId !== ledgerUser) return { kind: 'client', clientId: userId };
  if (anonymousProducers) return { kind: 'anonymous' };
  return userId === ledgerUser
    ? refused('forbidden', `The broker user ${ledgerUser} is the ledger's own. Publish with a broker user that is a client.`)
    : refused('unauthenticated', 'The message has no userId. Set it to the broker user that you publish with.');
}

/** Who acts, where `client` is the one that the message names and that is not revoked; undefined: there is none. */
export function senderOf(acting: Acting, client: Client | undefined, { issuer }: Pick<ActingRules, 'issuer'>): Sender {
  switch (acting.kind) {
    case 'gateway':
    case 'refused':
      return acting;
    case 'anonymous':
      return { kind: 'principal', principal: ANONYMOUS };
    case 'client':
      return client === undefined
        ? refused('forbidden', unknownClient(acting.clientId))
        : { kind: 'principal', principal: principalFrom(issuer, client.clientId, client.role, client.clientId) };
    default:
      return assertNever(acting);
  }
}

const unknownClient = (name: string): string =>
  ClientIdSchema.safeParse(name).success
    ? `The broker user ${name} is no client, or one that was revoked. An operator makes it one: ledger clients create ${name} --role producer.`
    : 'A broker user of that name can be no client. Publish with one that is called as ledger clients create NAME --role producer takes it.';

const refused = (...why: Parameters<typeof rejection>): Refused => ({ kind: 'refused', rejection: rejection(...why) });

/** What the gateway says beside a command, as headers. */
export const ownHeadersOf = (envelope: CommandEnvelope): Readonly<Record<string, string>> => ({
  [OWN_HEADERS.actor]: envelope.actor,
  [OWN_HEADERS.transport]: envelope.transport,
  [OWN_HEADERS.correlationId]: envelope.correlationId,
  ...(envelope.onlyOwner !== undefined && { [OWN_HEADERS.onlyOwner]: envelope.onlyOwner }),
  ...(envelope.causationId !== undefined && { [OWN_HEADERS.causationId]: envelope.causationId }),
  ...(envelope.ifMatch !== undefined && { [OWN_HEADERS.ifMatch]: String(envelope.ifMatch) }),
  ...(envelope.dryRun && { [OWN_HEADERS.dryRun]: 'true' }),
  ...(envelope.span !== undefined && { [OWN_HEADERS.span]: envelope.span }),
});
