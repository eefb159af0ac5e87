// Access tokens for machines: the client credentials grant of RFC 6749. Its own answers, refusals included, are in that RFC's words, since
// it is that RFC's clients that read them; what is refused before it is a question of OAuth (a media type, too many requests) is a problem
// as everywhere.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { rejection } from '../../domain/rejections.ts';
import type { BuiltInIssuer } from '../../identity/identity.ts';
import { ACCESS_TOKEN_S } from '../../identity/signing-keys.ts';
import { builtInOf, NoQuery, refuseWithoutIssuer } from '../auth-route.ts';
import { ACCESS_TOKEN } from '../examples.ts';
import { sendProblem } from '../problems.ts';
import type { ApiRoute } from '../route.ts';

const ERRORS = ['invalid_request', 'invalid_client', 'unsupported_grant_type', 'invalid_scope'] as const;
const TokenRefusal = z
  .object({ error: z.enum(ERRORS), error_description: z.string() })
  .meta({ id: 'TokenRefusal', description: 'RFC 6749, 5.2.' });
const ClientToken = z
  .object({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'In seconds.' }),
  })
  .meta({ id: 'ClientToken', description: 'RFC 6749, 5.1.' });
const TokenRequest = z
  .looseObject({
    grant_type: z.literal('client_credentials'),
    client_id: z.string().optional().meta({ description: 'With `client_secret`, where the client does not authenticate by HTTP Basic.' }),
    client_secret: z.string().optional().meta({ format: 'password' }),
  })
  .meta({ id: 'TokenRequest' });

/** A refusal in the words of RFC 6749, 5.2, which allow ASCII only. */
type Refused = z.output<typeof TokenRefusal>;
const refused = (error: Refused['error'], description: string): Refused => ({ error, error_description: description });

interface Credentials {
  readonly clientId: string;
  readonly secret: string;
}

const FATAL_UTF8 = new TextDecoder('utf-8', { fatal: true });

/** The parameters of a form. Those without a value count as not sent, and none may be sent twice (RFC 6749, 3.2). */
function formIn(body: unknown): ReadonlyMap<string, string> | Refused {
  const parameters = new Map<string, string>();
  let text: string;
  try {
    text = body instanceof Uint8Array ? FATAL_UTF8.decode(body) : '';
  } catch {
    return refused('invalid_request', 'The form is not in UTF-8.');
  }
  for (const [name, value] of new URLSearchParams(text)) {
    if (value === '') continue;
    if (parameters.has(name)) return refused('invalid_request', 'A parameter is sent twice.');
    parameters.set(name, value);
  }
  return parameters;
}

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;
const unescaped = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** RFC 6749, 2.3.1: both halves are encoded as in a form before they are put together. */
function basicCredentials(authorization: string): Credentials | undefined {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const [, id, secret] = /^([^:]*):(.*)$/s.exec(FATAL_UTF8.decode(Buffer.from(encoded, 'base64'))) ?? [];
    return id === undefined || secret === undefined ? undefined : { clientId: unescaped(id), secret: unescaped(secret) };
  } catch {
    return undefined;
  }
}

function credentialsIn(authorization: string | undefined, form: ReadonlyMap<string, string>): Credentials | Refused {
  const [clientId, secret] = [form.get('client_id'), form.get('client_secret')];
  if (authorization !== undefined) {
    if (secret !== undefined) return refused('invalid_request', 'The client authenticates twice: in the header and in the form.');
    const basic = basicCredentials(authorization);
    if (basic === undefined) return refused('invalid_client', 'The Authorization header holds no Basic credentials.');
    if (clientId !== undefined && clientId !== basic.clientId)
      return refused('invalid_request', 'The header and the form name two clients.');
    return basic;
  }
  if (clientId === undefined || secret === undefined)
    return refused('invalid_client', 'Authenticate by HTTP Basic, or send client_id and client_secret.');
  return { clientId, secret };
}

/** What the client asks for, as far as anything can be asked for. */
function grantRefusal(form: ReadonlyMap<string, string>): Refused | undefined {
  const grant = form.get('grant_type');
  if (grant === undefined) return refused('invalid_request', 'grant_type is missing.');
  if (grant !== 'client_credentials') return refused('unsupported_grant_type', 'The only grant here is client_credentials.');
  return form.has('scope') ? refused('invalid_scope', 'There are no scopes: what a client may do, its role says.') : undefined;
}

async function tokenFor(
  { body, headers }: FastifyRequest,
  { clients, tokens }: BuiltInIssuer,
): Promise<Refused | (z.output<typeof ClientToken> & { readonly clientId: string })> {
  const form = formIn(body);
  if ('error' in form) return form;
  const notGranted = grantRefusal(form);
  if (notGranted) return notGranted;
  const credentials = credentialsIn(headers.authorization, form);
  if ('error' in credentials) return credentials;
  const client = await clients.authenticate(credentials.clientId, credentials.secret);
  if (client === undefined) return refused('invalid_client', 'There is no such client, or its secret is another.');
  const { clientId, role } = client;
  const { accessToken, expiresIn } = await tokens.issue({ subject: clientId, role, name: clientId });
  return { access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn, clientId };
}

async function answer(request: FastifyRequest, reply: FastifyReply, builtIn: BuiltInIssuer): Promise<FastifyReply> {
  let answered: Awaited<ReturnType<typeof tokenFor>>;
  try {
    answered = await tokenFor(request, builtIn);
  } catch (error) {
    request.log.error({ err: error, operation: 'issueToken' }, 'a log-in failed');
    const unavailable = rejection('store_unavailable', 'The database cannot be used; no token was issued.');
    return sendProblem(reply, unavailable, { instance: request.id });
  }
  if ('error' in answered) {
    request.log.info({ operation: 'issueToken', outcome: answered.error }, 'log-in refused');
    if (answered.error !== 'invalid_client') return reply.code(400).send(answered);
    return reply.code(401).header('WWW-Authenticate', 'Basic realm="ledgerfold", charset="UTF-8"').send(answered);
  }
  const { clientId, ...token } = answered;
  request.log.info({ operation: 'issueToken', outcome: 'done', clientId }, 'log-in answered');
  return reply.send(token);
}

export const issueToken: ApiRoute = {
  method: 'POST',
  path: '/v1/auth/token',
  query: NoQuery,
  takesForm: true,
  // Looked at by the route itself, whose refusals are those of OAuth.
  body: z.unknown(),
  documentedBody: TokenRequest,
  doc: {
    operationId: 'issueToken',
    tag: 'auth',
    summary: 'Get an access token for a machine',
    description:
      'The client credentials grant of RFC 6749, for clients that an operator has made (`ledger clients create`). Authenticate by HTTP Basic, or with `client_id` and `client_secret` in the form.',
    security: ['client', 'none'],
    headers: [],
    bodyRequired: true,
    bodyExample: { grant_type: 'client_credentials' },
    answers: {
      200: {
        description: 'A token. There is none to refresh it with: ask for another.',
        schema: ClientToken,
        example: { access_token: ACCESS_TOKEN, token_type: 'Bearer', expires_in: ACCESS_TOKEN_S },
        headers: [],
      },
      400: {
        description: 'invalid_request, unsupported_grant_type, invalid_scope',
        schema: TokenRefusal,
        example: refused('unsupported_grant_type', 'The only grant here is client_credentials.'),
        headers: [],
      },
      401: {
        description: 'invalid_client',
        schema: TokenRefusal,
        example: refused('invalid_client', 'There is no such client, or its secret is another.'),
        headers: ['WWW-Authenticate'],
      },
    },
    problems: ['malformed_request', 'not_found', 'body_too_large', 'unsupported_media_type', 'store_unavailable'],
  },
  mount: ({ auth }) => ({
    onRequest: refuseWithoutIssuer(auth),
    handler: (request, reply) => answer(request, reply, builtInOf(auth)),
  }),
};
