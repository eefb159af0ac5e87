// The plain ledger's API: the ledger's own Fastify settings, schemas, check of tokens, and problems, around one call to the book.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Fastify from 'fastify';
import { z } from 'zod';
import { AccountParams } from '../../src/api/contract.ts';
import { answerErrors } from '../../src/api/errors.ts';
import { pathParamsOf } from '../../src/api/path-params.ts';
import type { PrincipalResolver } from '../../src/api/principal.ts';
import { authenticate, principalOf } from '../../src/api/principal.ts';
import { RefusedRequest, refusal, sendProblem, throwRefusal } from '../../src/api/problems.ts';
import { idempotencyKeyOf } from '../../src/api/request-headers.ts';
import { shapeCompiler } from '../../src/api/request-shape.ts';
import { SERVER_OPTIONS } from '../../src/api/server-limits.ts';
import { keyReused } from '../../src/commands/batch.ts';
import { formatMinor } from '../../src/domain/amounts.ts';
import { assertNever } from '../../src/domain/assert-never.ts';
import { INITIAL_ASSETS } from '../../src/domain/assets.ts';
import { amountIn } from '../../src/domain/checks.ts';
import { MoneyBody, OpenAccountBody } from '../../src/domain/commands.ts';
import { commandIdOf } from '../../src/domain/ids.ts';
import { rejection } from '../../src/domain/rejections.ts';
import { accessRefusal, COMMAND_ACCESS } from '../../src/identity/access.ts';
import type { Book, Booked, Movement } from './book.ts';

export interface PlainLedgerOptions {
  readonly book: Book;
  readonly principal: PrincipalResolver;
  readonly bodyLimitBytes: number;
}

const ASSETS = new Map<string, (typeof INITIAL_ASSETS)[number]>(INITIAL_ASSETS.map((asset) => [asset.code, asset]));
const OpeningBody = OpenAccountBody.pick({ accountId: true }).required();
const BalanceParams = z.object({ ...AccountParams.shape, asset: z.string() });

export async function createPlainLedger({ book, principal, bodyLimitBytes }: PlainLedgerOptions): Promise<FastifyInstance> {
  const app = Fastify({ ...SERVER_OPTIONS, bodyLimit: bodyLimitBytes });
  app.decorateRequest('principal', null);
  app.setValidatorCompiler(shapeCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  answerErrors(app);
  const onRequest = authenticate(principal);

  app.get('/health/ready', async () => ({ status: 'ready' }));
  app.post('/v1/accounts', { onRequest, schema: { body: OpeningBody } }, async (request, reply) => {
    const { accountId } = request.body as z.output<typeof OpeningBody>;
    if (await book.open(accountId)) return reply.code(201).send({ status: 'applied', accountId });
    throw new RefusedRequest(refusal('already_exists', `Account ${accountId} is open already.`));
  });
  app.get('/v1/accounts/:accountId/balances/:asset', { onRequest }, async (request) => {
    const { accountId, asset } = pathParamsOf(BalanceParams, request.params);
    const { available, held } = (await book.balance(accountId, asset)) ?? nothingOf(asset);
    return { asset, available, held };
  });
  for (const [path, type] of [
    ['deposits', 'deposit'],
    ['withdrawals', 'withdraw'],
  ] as const) {
    const preValidation = async (request: FastifyRequest): Promise<void> =>
      throwRefusal(accessRefusal(COMMAND_ACCESS[type], principalOf(request).role));
    app.post(`/v1/accounts/:accountId/${path}`, { onRequest, preValidation, schema: { body: MoneyBody } }, async (request, reply) => {
      const movement = movementIn(request, type);
      return answer(movement, await book.move(movement), request, reply);
    });
  }
  await app.ready();
  return app;
}

const nothingOf = (asset: string) => {
  const zero = formatMinor(0n, assetOf(asset).scale);
  return { available: zero, held: zero };
};

function assetOf(code: string) {
  const asset = ASSETS.get(code);
  if (asset === undefined) throw new RefusedRequest(rejection('unknown_asset', `No asset ${code} is registered.`, { asset: code }));
  return asset;
}

function movementIn(request: FastifyRequest, type: Movement['type']): Movement {
  // The shape was checked by fastify with this very schema.
  const body = request.body as z.output<typeof MoneyBody>;
  const key = idempotencyKeyOf(request, { required: true });
  const { accountId } = pathParamsOf(AccountParams, request.params);
  const asset = assetOf(body.asset);
  const minor = amountIn(body.amount, asset);
  if (typeof minor !== 'bigint') throw new RefusedRequest(minor);
  const amount = formatMinor(type === 'deposit' ? minor : -minor, asset.scale);
  return { type, accountId, body, amount, commandId: commandIdOf(accountId, key), requestId: request.id };
}

function answer(movement: Movement, booked: Booked, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { accountId, body, amount, commandId } = movement;
  const { outcome, hit, entry_id: entryId, available, held } = booked;
  if (hit) reply.header('Idempotency-Hit', 'true');
  switch (outcome) {
    case 'applied':
      return reply
        .code(201)
        .header('Location', `/v1/commands/${commandId}`)
        .send({ commandId, status: 'applied', accountId, balances: [{ asset: body.asset, available, held }], result: { entryId } });
    case 'insufficient_funds': {
      const requested = amount.slice(1);
      const detail = `${requested} ${body.asset} requested, ${available} available.`;
      const refused = rejection('insufficient_funds', detail, { asset: body.asset, available, requested });
      return sendProblem(reply, refused, { instance: booked.request_id ?? request.id, commandId });
    }
    case 'account_not_found':
      return sendProblem(reply, rejection('account_not_found', `No account ${accountId}.`), { instance: request.id, commandId });
    case 'key_reused':
      return sendProblem(reply, keyReused(String(request.headers['idempotency-key'])), { instance: request.id, commandId });
    default:
      return assertNever(outcome);
  }
}
