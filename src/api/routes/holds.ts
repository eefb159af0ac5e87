// Holds: money set aside in an account, then taken in one or several captures, or given back.
import { z } from 'zod';
import { CaptureBody, EmptyBody, PlaceHoldBody } from '../../domain/commands.ts';
import { HOLD_STATUSES } from '../../domain/lifecycles.ts';
import { isWithin } from '../../identity/access.ts';
import type { HoldSummary } from '../../projections/holds.ts';
import { AccountHoldParams, AccountParams, Hold, HoldParams, PageQuery, pageOf } from '../contract.ts';
import { ACCOUNT_ID, appliedExample, HOLD_ID, onePage } from '../examples.ts';
import { refusal } from '../problems.ts';
import { readRoute } from '../read-route.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

export const placeHold = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/holds',
  operationId: 'placeHold',
  tag: 'holds',
  summary: 'Place a hold: set money aside',
  description: 'What is held is no longer available. Whoever placed a hold decides over it: users over theirs, operators over all.',
  params: AccountParams,
  body: PlaceHoldBody,
  toCommand: ({ params, body }) => ({ type: 'place-hold', accountId: params.accountId, ...body }),
  location: ({ result }) => `/v1/holds/${result['holdId']}`,
  example: {
    body: { asset: 'USD', amount: '10.00', expiresAt: '2026-02-07T12:00:00Z', reference: 'room 12' },
    answer: appliedExample({ balances: [{ asset: 'USD', available: '90.00', held: '10.00' }], result: { holdId: HOLD_ID } }),
  },
});

export const captureHold = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/holds/{holdId}/capture',
  operationId: 'captureHold',
  tag: 'holds',
  summary: 'Capture a hold: pay out some of it, or all that is left',
  description: 'Without an `amount`, all that is left. A hold of which nothing is left is closed.',
  params: AccountHoldParams,
  body: CaptureBody,
  toCommand: ({ params, body }) => ({ type: 'capture-hold', ...params, ...body }),
  example: {
    body: { amount: '4.00' },
    answer: appliedExample({
      balances: [{ asset: 'USD', available: '90.00', held: '6.00' }],
      result: { holdId: HOLD_ID, remaining: '6.00' },
    }),
  },
});

export const releaseHold = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/holds/{holdId}/release',
  operationId: 'releaseHold',
  tag: 'holds',
  summary: 'Release a hold: what is left is available again',
  params: AccountHoldParams,
  body: EmptyBody,
  toCommand: ({ params }) => ({ type: 'release-hold', ...params }),
  example: {
    body: {},
    answer: appliedExample({
      balances: [{ asset: 'USD', available: '96.00', held: '0.00' }],
      result: { holdId: HOLD_ID, remaining: '0.00' },
    }),
  },
});

const holdBody = (hold: HoldSummary): z.output<typeof Hold> => ({
  id: hold.holdId,
  accountId: hold.accountId,
  asset: hold.asset,
  amount: hold.amount,
  remaining: hold.remaining,
  captured: hold.captured,
  status: hold.status,
  placedBy: hold.placedBy,
  reference: hold.reference ?? null,
  expiresAt: hold.expiresAt ?? null,
  createdAt: hold.placedAt,
  closedAt: hold.closedAt ?? null,
});

const EXAMPLE = {
  id: HOLD_ID,
  accountId: ACCOUNT_ID,
  asset: 'USD',
  amount: '10.00',
  remaining: '6.00',
  captured: '4.00',
  status: 'open',
  placedBy: 'user',
  reference: 'room 12',
  expiresAt: '2026-02-07T12:00:00.000Z',
  createdAt: '2026-01-31T12:00:00.000Z',
  closedAt: null,
};

export const listHolds = readRoute({
  path: '/v1/accounts/{accountId}/holds',
  operationId: 'listHolds',
  tag: 'holds',
  summary: 'List the holds of an account, newest first',
  params: AccountParams,
  query: z.object({ ...PageQuery.shape, status: z.enum(HOLD_STATUSES).optional() }),
  tagged: true,
  answer: pageOf(Hold, 'HoldList'),
  example: onePage(EXAMPLE),
  async answerTo({ params, query: { limit, cursor, status }, queries }) {
    return pageBody(await queries.holds({ accountId: params.accountId, status }, { limit, cursor }), holdBody);
  },
});

export const getHold = readRoute({
  path: '/v1/holds/{holdId}',
  operationId: 'getHold',
  tag: 'holds',
  summary: 'Get a hold',
  params: HoldParams,
  answer: Hold,
  problems: ['hold_not_found'],
  example: EXAMPLE,
  async answerTo({ params: { holdId }, ownerLimit, queries }) {
    const hold = await queries.hold(holdId);
    return hold && isWithin(ownerLimit, hold.ownerId) ? holdBody(hold) : refusal('hold_not_found', `No hold ${holdId}.`);
  },
});
