// Statistics: what happened in all of the ledger, in figures.
import type { z } from 'zod';
import { AssetCodeSchema } from '../../domain/ids.ts';
import type { CountsByStatus, Statistic } from '../../projections/statistics.ts';
import { Statistics } from '../contract.ts';
import { readRoute } from '../read-route.ts';

const countOf = (rows: readonly Statistic[]): number => Number(rows.reduce((sum, { events }) => sum + events, 0n));

/** The counts as numbers: what JSON has, and far more than enough of. */
const asNumbers = (counts: Readonly<Record<string, bigint>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Number(count)]));

interface Found {
  readonly rows: readonly Statistic[];
  readonly events: bigint;
  readonly counts: CountsByStatus;
  readonly position: bigint;
}

function statisticsBody({ rows, events, counts, position }: Found): z.output<typeof Statistics> {
  const ofType = (type: string): readonly Statistic[] => rows.filter(({ eventType }) => eventType === type);
  return {
    events: Number(events),
    accountsOpened: countOf(ofType('account-opened')),
    accountsClosed: countOf(ofType('account-closed')),
    moved: rows.flatMap(({ eventType, detail, events, volume }) => {
      const asset = AssetCodeSchema.safeParse(detail);
      return asset.success ? [{ type: eventType, asset: asset.data, events: Number(events), volume }] : [];
    }),
    refused: ofType('command-rejected').map(({ detail, events }) => ({ code: detail, events: Number(events) })),
    orders: Statistics.shape.orders.parse(asNumbers(counts.orders)),
    holds: Statistics.shape.holds.parse(asNumbers(counts.holds)),
    transfers: Statistics.shape.transfers.parse(asNumbers(counts.transfers)),
    position: String(position),
  };
}

export const statistics = readRoute({
  path: '/v1/statistics',
  operationId: 'getStatistics',
  tag: 'ledger',
  summary: 'Get the ledger in figures',
  answer: Statistics,
  example: {
    events: 5,
    accountsOpened: 1,
    accountsClosed: 0,
    moved: [{ type: 'deposited', asset: 'USD', events: 3, volume: '300.00' }],
    refused: [{ code: 'insufficient_funds', events: 1 }],
    orders: { pending: 0, executed: 0, cancelled: 0, expired: 0 },
    holds: { open: 0, captured: 0, released: 0, expired: 0 },
    transfers: { pending: 0, completed: 0, returned: 0 },
    position: '48211',
  },
  async answerTo({ queries }) {
    const position = await queries.position();
    const [rows, events, counts] = await Promise.all([queries.statistics(), queries.eventCount(), queries.countsByStatus()]);
    return statisticsBody({ rows, events, counts, position });
  },
});
