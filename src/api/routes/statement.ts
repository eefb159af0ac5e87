// Statements: an account in one asset over some time, whole.
import { z } from 'zod';
import type { StatementFoot, StatementFormat, StatementHead, StatementLine } from '../../audit/statement.ts';
import { csvStatement, jsonStatement } from '../../audit/statement-formats.ts';
import { TimestampSchema } from '../../domain/commands.ts';
import { AccountIdSchema, AssetCodeSchema } from '../../domain/ids.ts';
import { timeMs } from '../../domain/time.ts';
import { AccountParams, Statement, TimeAxis } from '../contract.ts';
import { ACCOUNT_ID, ENTRY_ID } from '../examples.ts';
import { refusal } from '../problems.ts';
import { readRoute } from '../read-route.ts';

const StatementQuery = z
  .object({
    asset: AssetCodeSchema,
    from: TimestampSchema.optional().meta({ description: 'Of this time or later; without it, from the beginning.' }),
    to: TimestampSchema.optional().meta({ description: 'Of a time before this; without it, to the end.' }),
    by: TimeAxis.optional().meta({
      description:
        'Which time counts, for `from`, `to` and the order: `system` (the default) is when it was recorded, `effective` when it took effect.',
    }),
    format: z.enum(['json', 'csv']).optional().meta({ description: 'The default is `json`.' }),
  })
  .check(({ value: { from, to }, issues }) => {
    if (from !== undefined && to !== undefined && timeMs(from) >= timeMs(to))
      issues.push({ code: 'custom', message: 'later than `from`', path: ['to'], input: to });
  });

const LINE: StatementLine = {
  recordedAt: '2026-01-31T12:00:00.000Z',
  effectiveAt: null,
  type: 'withdrawn',
  what: 'Withdrawal',
  reference: 'rent',
  externalId: 'payout-2026-0007',
  entryId: ENTRY_ID,
  position: 48211n,
  amount: '-10.00',
  balance: { total: '90.00', held: '0.00' },
};

const EXAMPLE_HEAD: StatementHead = {
  accountId: AccountIdSchema.parse(ACCOUNT_ID),
  asset: { code: AssetCodeSchema.parse('USD'), scale: 2 },
  from: '2026-01-01T00:00:00Z',
  to: '2026-02-01T00:00:00Z',
  by: 'system',
  position: 48211n,
  opening: { total: '100.00', held: '0.00' },
};
const EXAMPLE_FOOT: StatementFoot = { closing: LINE.balance, totals: { in: '0.00', out: '10.00' } };
const exampleAs = ({ head, line, foot }: StatementFormat): string =>
  head(EXAMPLE_HEAD) + line(LINE, true) + foot(EXAMPLE_HEAD, EXAMPLE_FOOT);

const MEDIA_TYPES = { json: 'application/json; charset=utf-8', csv: 'text/csv; charset=utf-8; header=present' } as const;

export const getStatement = readRoute({
  path: '/v1/accounts/{accountId}/statement',
  operationId: 'getStatement',
  tag: 'accounts',
  summary: 'Get a statement of an account in one asset',
  description:
    'Every entry of that time, oldest first, between the balances before and after it. It is not paged but sent as it is read: a part of it never looks like the whole.',
  params: AccountParams,
  query: StatementQuery,
  answer: Statement,
  texts: { 'text/csv': exampleAs(csvStatement) },
  problems: ['unknown_asset'],
  example: JSON.parse(exampleAs(jsonStatement)),
  async answerTo({ params: { accountId }, query: { asset: code, format = 'json', by = 'system', from, to }, queries }) {
    const asset = await queries.asset(code);
    if (asset === undefined) return refusal('unknown_asset', `No asset ${code} is registered.`, { asset: code });
    const chunks = await queries.statement({ accountId, asset, from, to, by }, format === 'csv' ? csvStatement : jsonStatement);
    return { mediaType: MEDIA_TYPES[format], chunks, ...(format === 'csv' && { fileName: `statement-${accountId}-${code}.csv` }) };
  },
});
