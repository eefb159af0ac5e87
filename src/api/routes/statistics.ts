// Statistics: what happened in all of the ledger, in figures.
import type { z } from 'zod';
import { AssetCodeSchema } from '../../domain/ids.ts';
import type { Statistic } from '../../projections/statistics.ts';
import { Statistics } from '../contract.ts';
import { readRoute } from '../read-route.ts';
import { READERS } from '../roles.ts';

const countOf = (rows: readonly Statistic[]): number => Number(rows.reduce((sum, { events }) => sum + events, 0n));

function statisticsBody(rows: readonly Statistic[], position: bigint): z.output<typeof Statistics> {
  const ofType = (type: string): readonly Statistic[] => rows.filter(({ eventType }) => eventType === type);
  return {
    events: countOf(rows),
    accountsOpened: countOf(ofType('account-opened')),
    accountsClosed: countOf(ofType('account-closed')),
    moved: rows.flatMap(({ eventType, detail, events, volume }) => {
      const asset = AssetCodeSchema.safeParse(detail);
      return asset.success ? [{ type: eventType, asset: asset.data, events: Number(events), volume }] : [];
    }),
    refused: ofType('command-rejected').map(({ detail, events }) => ({ code: detail, events: Number(events) })),
    position: String(position),
  };
}

export const statistics = readRoute({
  path: '/v1/statistics',
  operationId: 'getStatistics',
  tag: 'ledger',
  summary: 'Get the ledger in figures',
  allowed: READERS.statistics,
  answer: Statistics,
  example: {
    events: 5,
    accountsOpened: 1,
    accountsClosed: 0,
    moved: [{ type: 'deposited', asset: 'USD', events: 3, volume: '300.00' }],
    refused: [{ code: 'insufficient_funds', events: 1 }],
    position: '48211',
  },
  async answerTo({ queries }) {
    const position = await queries.position();
    return statisticsBody(await queries.statistics(), position);
  },
});
