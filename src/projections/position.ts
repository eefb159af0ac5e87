// Waiting until the projections have seen a position. One listening connection and one shared poll serve all who wait, so
// hundreds of them cost what one does.
import type pg from 'pg';
import type { Database } from '../postgres/pool.ts';
import { announcementChannel, readCheckpoint } from './checkpoint.ts';

export interface ProjectedPosition {
  /** The last checkpoint position known here; -1n before the first event, and before anything is known. Costs nothing. */
  seen(): bigint;
  /** True as soon as the projections have applied everything up to `position`, false after `timeoutMs`. Never throws. */
  waitFor(position: bigint, timeoutMs: number): Promise<boolean>;
  /** Told of every advance that becomes known; the positions rise, but not every one is told. @returns a function that ends it. */
  onAdvance(listener: (position: bigint) => void): () => void;
  /** Lets those who wait go with `false`, and gives the connection back. */
  close(): Promise<void>;
}

interface Waiter {
  readonly position: bigint;
  readonly settle: (seen: boolean) => void;
}

export interface WatchOptions {
  /** How often to look while somebody waits and announcements do not come in (connection poolers do not pass them on), in ms. */
  readonly pollMs?: number;
  /** How often to look while announcements come in, against one that was lost, in ms. */
  readonly reassureMs?: number;
}

const RECONNECT_MS = 500;

/** Watches the checkpoint of the database's schema. Keeps one connection of the pool. Survives restarts of Postgres. */
export function watchPosition({ db, pool }: Pick<Database, 'db' | 'pool'>, options: WatchOptions = {}): ProjectedPosition {
  const { pollMs = 25, reassureMs = 500 } = options;
  let seen = -1n;
  let closed = false;
  let isListening = false;
  let looking = false;
  let pollTimer: NodeJS.Timeout | undefined;
  let reconnectTimer: NodeJS.Timeout | undefined;
  let listening: pg.PoolClient | undefined;
  const waiters = new Set<Waiter>();
  const listeners = new Set<(position: bigint) => void>();

  function advance(position: bigint): void {
    if (position === seen) return;
    // Back after a rebuild, or a crash of Postgres: what was true of the old position need not be true now.
    const isForward = position > seen;
    seen = position;
    for (const waiter of waiters) if (waiter.position <= position) waiter.settle(true);
    if (isForward) for (const listener of listeners) listener(position);
  }

  async function look(): Promise<void> {
    if (looking || closed) return;
    looking = true;
    const before = seen;
    try {
      const { position } = await readCheckpoint(db);
      // An announcement that came in meanwhile is newer than what was read.
      if (position > seen || seen === before) advance(position);
    } catch {
      // Postgres is away: whoever waits waits on, to the end of their time.
    } finally {
      looking = false;
    }
  }

  /** Looks again and again while somebody waits. */
  function poll(): void {
    if (pollTimer !== undefined || closed) return;
    pollTimer = setTimeout(
      () => {
        pollTimer = undefined;
        if (waiters.size === 0) return;
        void look().then(poll);
      },
      isListening ? reassureMs : pollMs,
    );
  }

  async function listen(): Promise<void> {
    try {
      const client = await pool.connect();
      if (closed) return client.release();
      listening = client;
      const lost = (): void => {
        if (listening !== client) return;
        listening = undefined;
        isListening = false;
        client.release(true);
        listenLater();
      };
      client.on('error', lost);
      client.on('end', lost);
      client.on('notification', ({ payload = '' }) => {
        if (/^[0-9]+$/.test(payload)) advance(BigInt(payload));
      });
      const { rows } = await client.query<{ schema: string }>('SELECT current_schema() AS schema');
      await client.query(`LISTEN ${client.escapeIdentifier(announcementChannel(rows[0]?.schema ?? ''))}`);
      isListening = listening === client;
      await look(); // what was committed before is not announced again
    } catch {
      listening?.release(true);
      listening = undefined;
      listenLater();
    }
  }

  function listenLater(): void {
    if (closed || reconnectTimer !== undefined) return;
    reconnectTimer = setTimeout(() => {
      reconnectTimer = undefined;
      connecting = listen();
    }, RECONNECT_MS);
    reconnectTimer.unref();
  }

  let connecting = listen();

  return {
    seen: () => seen,
    waitFor: (position, timeoutMs) => {
      if (position <= seen) return Promise.resolve(true);
      if (closed) return Promise.resolve(false);
      return new Promise((resolve) => {
        const settle = (isSeen: boolean): void => {
          clearTimeout(timer);
          waiters.delete(waiter);
          resolve(isSeen);
        };
        const timer = setTimeout(() => settle(false), timeoutMs);
        const waiter: Waiter = { position, settle };
        waiters.add(waiter);
        poll();
      });
    },
    onAdvance: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      closed = true;
      clearTimeout(pollTimer);
      clearTimeout(reconnectTimer);
      for (const waiter of waiters) waiter.settle(false);
      await connecting;
      const client = listening;
      listening = undefined;
      client?.release(true);
    },
  };
}
