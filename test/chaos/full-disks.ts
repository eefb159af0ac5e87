// Whether a disk is full as its server sees it: a write of one's own is refused for want of room.
import { jsonEvent, UnknownError } from '@eventstore/db-client';
import type pg from 'pg';
import { withDatabase } from '../scenarios/audit/tables.ts';
import { withClient } from '../scenarios/log.ts';

const DISK_FULL = '53100';
const BYTES = 500_000;
/** Its write-ahead log has some megabytes of room of its own. */
const MOST_APPENDS = 30;
const GIVE_UP_MS = 2_000;

export async function isPostgresFull(url: string): Promise<boolean> {
  try {
    const ask = async (client: pg.Client): Promise<void> => {
      await client.query('CREATE TABLE chaos_room AS SELECT n FROM generate_series(1, 2000) n');
      await client.query('DROP TABLE chaos_room');
    };
    await withDatabase(url, ask, { connectionTimeoutMillis: GIVE_UP_MS, query_timeout: GIVE_UP_MS });
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === DISK_FULL;
  }
}

export async function isStoreFull(url: string): Promise<boolean> {
  try {
    await withClient(`${url}&defaultDeadline=${GIVE_UP_MS}`, async (client) => {
      const event = () => jsonEvent({ type: 'room', data: { filler: 'x'.repeat(BYTES) } });
      for (let appended = 0; appended < MOST_APPENDS; appended += 1) await client.appendToStream('chaos-room', event());
    });
    return false;
  } catch (error) {
    return error instanceof UnknownError; // one that is away, or does not answer, is told by another
  }
}
