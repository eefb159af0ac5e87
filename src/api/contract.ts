// The contract: what goes over the wire, as schemas. Each is the type, the document and (in tests) the check.
import { z } from 'zod';
import { AssetSchema } from '../domain/assets.ts';
import { MoneyBody } from '../domain/commands.ts';
import { OrderTypeSchema, RETURN_REASONS, SideSchema } from '../domain/events.ts';
import { AccountIdSchema, AssetCodeSchema, CommandIdSchema, HoldIdSchema, OrderIdSchema, TransferIdSchema } from '../domain/ids.ts';
import { HOLD_STATUSES, ORDER_STATUSES, TRANSFER_STATES } from '../domain/lifecycles.ts';
import { MAX_PAGE_LIMIT } from '../projections/page.ts';
import type { ProblemCode } from './problems.ts';
import { PROBLEM_CODES } from './problems.ts';

/** A revision or a position: a decimal string, because it may be larger than a JSON number can say. */
const Counter = z.string().regex(/^(0|[1-9][0-9]*)$/);
export const Revision = Counter.meta({ id: 'Revision', description: 'Counts the events of one account, from 0.', examples: ['12'] });
export const Position = Counter.meta({
  id: 'Position',
  description: 'A place in the log. Give it as `minPosition` to any read, and the answer includes everything up to it.',
  examples: ['48211'],
});
/** An amount that the ledger says: exactly its asset's scale. System and effective-time figures may be negative. */
export const Amount = z
  .string()
  .regex(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/)
  .meta({ id: 'Amount', description: 'A decimal string with exactly as many decimals as its asset has.', examples: ['90.00'] });
export const Time = z.iso.datetime().meta({ id: 'Time', description: 'RFC 3339, UTC.', examples: ['2026-01-31T12:00:00.000Z'] });

/** All that users learn of why a transfer came back: the recipient's affairs are the recipient's. */
export const RECIPIENT_UNAVAILABLE = 'recipient_unavailable';

const accountId = AccountIdSchema.meta({ examples: ['7c9e6679-7425-40de-944b-e07fc1f90ae7'] });
const holdId = HoldIdSchema.meta({ examples: ['019c1409-6a00-7c3e-8d2f-0a4b6c8e1f35'] });
const orderId = OrderIdSchema.meta({ examples: ['019c1409-6a00-7d51-9b7a-3e5f7a9c1d02'] });
const transferId = TransferIdSchema.meta({ examples: ['019c1409-8c20-7e92-a1b3-7d9f1b3e5c60'] });
const commandId = CommandIdSchema.meta({ examples: ['0b6b8e2f-7a62-5f0a-9d9c-2b1b3d1c7a11'] });

export const BalanceAfter = z
  .object({ asset: AssetCodeSchema, available: Amount, held: Amount })
  .meta({ id: 'BalanceAfter', description: 'A balance right after the command.' });

export const Applied = z
  .object({
    commandId,
    status: z.enum(['applied', 'would_apply']).meta({ description: '`would_apply`: a dry run, nothing was stored.' }),
    accountId: accountId.optional().meta({ description: 'Absent where an asset was addressed.' }),
    revision: Revision,
    position: Position,
    balances: z.array(BalanceAfter).optional().meta({ description: 'Every asset that the command touched, after it.' }),
    result: z.record(z.string(), z.string()).meta({ description: 'What the command made.' }),
  })
  .meta({ id: 'Applied' });

export const Pending = z
  .object({
    commandId,
    accountId: accountId.optional().meta({ description: 'Absent where an asset was addressed.' }),
    status: z.literal('pending'),
  })
  .meta({ id: 'Pending', description: 'The command is taken for good and will be decided; its outcome is found at Location.' });

export const FieldErrorSchema = z
  .object({
    pointer: z.string().meta({ description: 'A JSON pointer into the body.', examples: ['#/amount'] }),
    detail: z.string(),
  })
  .meta({ id: 'FieldError' });

export const Problem = z
  .looseObject({
    type: z.string().meta({ description: 'The path of a page that explains the problem.', examples: ['/problems/insufficient-funds'] }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string().meta({ description: "The request's id." }),
    code: z.enum(PROBLEM_CODES as readonly [ProblemCode, ...ProblemCode[]]),
    commandId: commandId.optional(),
    revision: Revision.optional().meta({ description: 'Of a refusal that is stored.' }),
    position: Position.optional().meta({ description: 'Of a refusal that is stored.' }),
    retryable: z.boolean().meta({ description: 'Whether the same request, sent again, may succeed by itself.' }),
    errors: z.array(FieldErrorSchema).optional(),
  })
  .meta({ id: 'Problem', description: "RFC 9457. The code's own fields, such as `asset` or `available`, stand beside these." });

export const Account = z
  .object({
    accountId,
    ownerId: z.string().nullable().meta({ description: 'The user it belongs to.' }),
    externalId: z.string().nullable(),
    label: z.string().nullable(),
    status: z.enum(['open', 'frozen', 'closed']),
    revision: Revision,
    openedAt: Time,
  })
  .meta({ id: 'Account' });

const buckets = { available: Amount, held: Amount, total: Amount };
export const Balance = z.object({ asset: AssetCodeSchema, ...buckets }).meta({ id: 'Balance' });
/** By which time the past is asked for: when the ledger recorded a thing, or when it is said to count from. */
export const TimeAxis = z.enum(['system', 'effective']);
export const BalanceList = z
  .object({
    data: z.array(Balance),
    position: Position,
    at: Time.optional().meta({ description: 'The time that was asked for.' }),
    by: TimeAxis.optional(),
    mayBeNegative: z
      .boolean()
      .optional()
      .meta({ description: 'True by effective time: backdated entries may take such a balance below zero.' }),
  })
  .meta({ id: 'BalanceList' });
export const BalanceAtPosition = z.object({ asset: AssetCodeSchema, ...buckets, position: Position }).meta({ id: 'BalanceAtPosition' });

export const Coin = z
  .object({ symbol: AssetCodeSchema, quantity: Amount })
  .meta({ id: 'Coin', description: 'A coin held, available and held together.' });
export const Limit = z
  .object({ asset: AssetCodeSchema, perWithdrawal: Amount.nullable(), perDay: Amount.nullable() })
  .meta({ id: 'Limit', description: 'What may leave the account in one asset; null: without limit.' });
export const Asset = AssetSchema.meta({ id: 'Asset' });
export const Me = z.object({ userId: z.string(), name: z.string(), accounts: z.array(Account), coins: z.array(Coin) }).meta({ id: 'Me' });

/** Somebody who is logged in. */
export const Session = z
  .object({
    accessToken: z.string(),
    tokenType: z.literal('Bearer'),
    expiresIn: z.int().meta({ description: 'Of the access token, in seconds.' }),
    userId: z.string(),
    accountId: accountId.meta({ description: 'The first account.' }),
  })
  .meta({ id: 'Session', description: 'An access token; the refresh token is in the cookie.' });

export const Entry = z
  .object({
    entryId: z.string().meta({ description: 'The id of the event that made it.', examples: ['5f0c7a36-0a0e-4c7e-9d55-2f7f0b6f3c11'] }),
    type: z.string().meta({ description: 'The type of that event.', examples: ['deposited'] }),
    asset: AssetCodeSchema,
    amount: Amount,
    available: Amount,
    held: Amount,
    availableAfter: Amount,
    heldAfter: Amount,
    recordedAt: Time,
    occurredAt: Time,
    effectiveAt: Time.nullable(),
    commandId,
    reference: z.string().nullable(),
    externalId: z.string().nullable(),
    metadata: z.unknown(),
    position: Position,
  })
  .meta({
    id: 'Entry',
    description:
      'A line of the journal: what one event changed in one asset of the account. `available` and `held` are the changes of the two, signed; `amount` is both together.',
  });

const statementBalance = z
  .object({ total: Amount, held: Amount })
  .meta({ id: 'StatementBalance', description: '`total` is everything, `held` the part of it that is held.' });
export const Statement = z
  .object({
    accountId,
    asset: AssetCodeSchema,
    from: Time.nullable(),
    to: Time.nullable(),
    by: TimeAxis,
    mayBeNegative: z.boolean().meta({ description: 'True by effective time: backdated entries may take such a balance below zero.' }),
    position: Position,
    opening: statementBalance,
    lines: z.array(
      z.object({
        recordedAt: Time,
        effectiveAt: Time.nullable(),
        type: z.string().meta({ description: 'The type of the event.', examples: ['deposited'] }),
        what: z.string().meta({ description: 'The same in words.', examples: ['Deposit'] }),
        reference: z.string().nullable(),
        externalId: z.string().nullable(),
        entryId: z.string(),
        position: Position,
        amount: Amount.meta({ description: 'What changed in the total, signed; zero where money only became held, or available again.' }),
        balance: statementBalance,
      }),
    ),
    closing: statementBalance,
    totals: z.object({ in: Amount, out: Amount }),
  })
  .meta({
    id: 'Statement',
    description:
      'An account in one asset over some time, whole. The opening total, and `totals.in`, less `totals.out`, is the closing total.',
  });

export const AccountEvent = z
  .object({
    eventId: z.string().meta({ examples: ['5f0c7a36-0a0e-4c7e-9d55-2f7f0b6f3c11'] }),
    type: z.string().meta({ description: 'What happened; `command-rejected` for a refusal.', examples: ['deposited'] }),
    revision: Revision,
    position: Position,
    occurredAt: Time,
    effectiveAt: Time.nullable(),
    commandId,
    key: z.string().meta({ description: 'The idempotency key of the command.' }),
    actor: z.string().meta({ description: 'Who asked for it: an opaque id.' }),
    transport: z.string(),
    correlationId: z.string().meta({ description: 'The id of the request that brought the command.' }),
    data: z.record(z.string(), z.unknown()).meta({ description: 'What the event says; its fields depend on its type.' }),
  })
  .meta({ id: 'AccountEvent', description: 'An event of the account, as the log has it.' });

export const Hold = z
  .object({
    id: holdId,
    accountId,
    asset: AssetCodeSchema,
    amount: Amount.meta({ description: 'What was set aside.' }),
    remaining: Amount.meta({ description: 'What is still held; zero once the hold is closed.' }),
    captured: Amount.meta({ description: 'What was taken.' }),
    status: z.enum(HOLD_STATUSES),
    placedBy: SideSchema.meta({ description: 'Who decides over it: operators over all, users over those placed by a user.' }),
    reference: z.string().nullable(),
    expiresAt: Time.nullable(),
    createdAt: Time,
    closedAt: Time.nullable(),
  })
  .meta({ id: 'Hold' });

export const Order = z
  .object({
    id: orderId,
    accountId,
    userId: z.string().nullable().meta({ description: 'The user to whom the account belongs.' }),
    tokenIn: AssetCodeSchema,
    tokenOut: AssetCodeSchema,
    amountIn: Amount.meta({ description: 'In tokenIn, as are the figures of filledIn.' }),
    filledIn: Amount,
    filledOut: Amount.meta({ description: 'In tokenOut, before fees.' }),
    targetPrice: z.string().nullable().meta({ description: 'How much tokenOut one tokenIn is worth; null for MARKET orders.' }),
    orderType: OrderTypeSchema,
    status: z.enum(ORDER_STATUSES),
    createdAt: Time,
    executedAt: Time.nullable(),
    cancelledAt: Time.nullable(),
    expiresAt: Time.nullable().meta({ description: 'From when on it may expire; it is pending until it has.' }),
  })
  .meta({ id: 'Order' });

export const OrderEvent = z
  .object({
    eventId: z.string(),
    type: z.string().meta({ examples: ['order-filled'] }),
    revision: Revision,
    position: Position,
    occurredAt: Time,
    data: z.record(z.string(), z.unknown()).meta({ description: 'What the event says; its fields depend on its type.' }),
  })
  .meta({ id: 'OrderEvent', description: 'What happened to an order, as the log has it.' });

export const Transfer = z
  .object({
    id: transferId,
    from: accountId,
    to: accountId,
    asset: AssetCodeSchema,
    amount: Amount,
    state: z.enum(TRANSFER_STATES),
    reason: z
      .enum([...RETURN_REASONS, RECIPIENT_UNAVAILABLE])
      .nullable()
      .meta({ description: `Why it was returned. Users see \`${RECIPIENT_UNAVAILABLE}\` for every reason.` }),
    reference: z.string().nullable(),
    externalId: z.string().nullable().meta({ description: 'The sender’s own; null for the recipient.' }),
    metadata: z.unknown().meta({ description: 'The sender’s own; null for the recipient.' }),
    reverses: z.string().nullable().meta({ description: 'The entry of a received transfer that this one undoes.' }),
    createdAt: Time,
    endedAt: Time.nullable(),
  })
  .meta({ id: 'Transfer' });

const countOf = <Status extends string>(statuses: readonly [Status, ...Status[]]) => z.record(z.enum(statuses), z.int().min(0));
/** What happened in all of the ledger. */
export const Statistics = z
  .object({
    events: z.int().min(0),
    accountsOpened: z.int().min(0),
    accountsClosed: z.int().min(0),
    moved: z.array(z.object({ type: z.string(), asset: AssetCodeSchema, events: z.int().min(0), volume: Amount })),
    refused: z.array(z.object({ code: z.string(), events: z.int().min(0) })),
    orders: countOf(ORDER_STATUSES),
    holds: countOf(HOLD_STATUSES),
    transfers: countOf(TRANSFER_STATES),
    position: Position,
  })
  .meta({
    id: 'Statistics',
    description:
      '`moved`: by type of event and asset, the sum of the amounts whatever their sign. `refused`: refusals that are stored, by code. `orders`, `holds`, `transfers`: how many stand where now.',
  });

export const CommandStatus = z
  .object({
    commandId,
    accountId: accountId.optional().meta({ description: 'Absent where an asset was addressed.' }),
    status: z.enum(['pending', 'applied', 'rejected']).meta({
      description:
        '`pending`: it waits to be decided. `rejected` without a revision: refused without a trace in the log, until it is sent again.',
    }),
    revision: Revision.optional().meta({ description: 'Of an outcome that is in the log.' }),
    position: Position.optional().meta({ description: 'Of an outcome that is in the log.' }),
    balances: z.array(BalanceAfter).optional(),
    result: z.record(z.string(), z.string()).optional(),
    problem: Problem.optional().meta({ description: 'Where the command was rejected.' }),
  })
  .meta({ id: 'CommandStatus' });

/** The parameters of a list. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_LIMIT).default(50).meta({ description: 'The most rows of a page.' }),
  cursor: z.string().min(1).max(2048).optional().meta({ description: '`next` or `previous` of another page of this list.' }),
});

/** A page of a list: `next` and `previous` are cursors, null where the list ends. */
export const pageOf = <Item extends z.ZodType>(item: Item, id: string) =>
  z
    .object({ data: z.array(item), next: z.string().nullable(), previous: z.string().nullable(), hasMore: z.boolean() })
    .meta({ id, description: 'A page of a list. Give `next` or `previous` back as `cursor`.' });

// Any JSON refers to itself, so the document needs a name for it.
z.globalRegistry.add(MoneyBody.shape.metadata.unwrap().valueType, { id: 'Json', description: 'Any JSON.' });

export const AccountParams = z.object({ accountId });
export const HoldParams = z.object({ holdId });
export const AccountHoldParams = z.object({ accountId, holdId });
export const OrderParams = z.object({ orderId });
export const AccountOrderParams = z.object({ accountId, orderId });
export const TransferParams = z.object({ transferId });
export const CommandParams = z.object({ commandId });
