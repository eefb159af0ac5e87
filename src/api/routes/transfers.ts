// Transfers: from account to account. The sender sees all of one, the recipient what is the recipient's.
import type { z } from 'zod';
import { TransferBody } from '../../domain/commands.ts';
import { isWithin } from '../../identity/access.ts';
import type { TransferSummary } from '../../projections/transfers.ts';
import { AccountParams, PageQuery, pageOf, Transfer, TransferParams } from '../contract.ts';
import { ACCOUNT_ID, appliedExample, onePage, RECIPIENT_ID, TRANSFER_ID } from '../examples.ts';
import { refusal } from '../problems.ts';
import { readRoute } from '../read-route.ts';
import { shownReason } from '../return-reason.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

export const transfer = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/transfers',
  operationId: 'transfer',
  tag: 'transfers',
  summary: 'Send money or coins to another account',
  description:
    'Answered as soon as it is sent: the state is then `pending`, and soon after `completed`, or `returned` where the recipient cannot take it.',
  params: AccountParams,
  body: TransferBody,
  toCommand: ({ params, body }) => ({ type: 'transfer', accountId: params.accountId, ...body }),
  location: ({ result }) => `/v1/transfers/${result['transferId']}`,
  example: {
    body: { to: RECIPIENT_ID, asset: 'USD', amount: '25.00', reference: 'rent' },
    answer: appliedExample({
      balances: [{ asset: 'USD', available: '75.00', held: '0.00' }],
      result: { transferId: TRANSFER_ID, state: 'pending' },
    }),
  },
});

function transferBody(sent: TransferSummary, ownerLimit: string | undefined): z.output<typeof Transfer> {
  const isSenders = isWithin(ownerLimit, sent.fromOwner);
  return {
    id: sent.transferId,
    from: sent.from,
    to: sent.to,
    asset: sent.asset,
    amount: sent.amount,
    state: sent.state,
    reason: sent.reason === undefined ? null : shownReason(sent.reason, ownerLimit),
    reference: sent.reference ?? null,
    externalId: (isSenders ? sent.externalId : undefined) ?? null,
    metadata: (isSenders ? sent.metadata : undefined) ?? null,
    reverses: sent.reverses ?? null,
    createdAt: sent.sentAt,
    endedAt: sent.endedAt ?? null,
  };
}

const EXAMPLE = {
  id: TRANSFER_ID,
  from: ACCOUNT_ID,
  to: RECIPIENT_ID,
  asset: 'USD',
  amount: '25.00',
  state: 'completed',
  reason: null,
  reference: 'rent',
  externalId: null,
  metadata: null,
  reverses: null,
  createdAt: '2026-01-31T12:00:00.000Z',
  endedAt: '2026-01-31T12:00:00.012Z',
};

export const listTransfers = readRoute({
  path: '/v1/accounts/{accountId}/transfers',
  operationId: 'listTransfers',
  tag: 'transfers',
  summary: 'List the transfers from and to an account, newest first',
  params: AccountParams,
  query: PageQuery,
  answer: pageOf(Transfer, 'TransferList'),
  example: onePage(EXAMPLE),
  async answerTo({ params, query, ownerLimit, queries }) {
    return pageBody(await queries.transfers(params.accountId, query), (sent) => transferBody(sent, ownerLimit));
  },
});

export const getTransfer = readRoute({
  path: '/v1/transfers/{transferId}',
  operationId: 'getTransfer',
  tag: 'transfers',
  summary: 'Get a transfer',
  description: 'Its sender and its recipient may see it.',
  params: TransferParams,
  answer: Transfer,
  problems: ['not_found'],
  example: EXAMPLE,
  async answerTo({ params: { transferId }, ownerLimit, queries }) {
    const sent = await queries.transfer(transferId);
    const isTheirs = sent && (isWithin(ownerLimit, sent.fromOwner) || isWithin(ownerLimit, sent.toOwner));
    return isTheirs ? transferBody(sent, ownerLimit) : refusal('not_found', `No transfer ${transferId}.`);
  },
});
