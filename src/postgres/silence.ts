// A server that has gone without a word: a machine that lost its power or its network, a process that is frozen. TCP waits for it for a
// quarter of an hour, and what waits for an answer with it. So where one is late the server is asked whether it takes connections still;
// where it does, the query is a long one, and is left alone.
import pg from 'pg';

/** A query without an answer for so long has the server asked. */
const LATE_MS = 15_000;
/** For the server to take a connection. */
const PATIENCE_MS = 5_000;

export interface SilenceWatch {
  /** Watches over what is asked on the connection, until it ends. */
  watch(client: pg.PoolClient): void;
  /** Says that a query is on its way. */
  asked(client: pg.PoolClient): void;
  close(): void;
}

export interface SilenceOptions {
  readonly lateMs?: number;
  readonly patienceMs?: number;
}

/** Ends the connections whose queries are late while the server at `url` takes no new one; they fail as those of a lost connection do. */
export function makeSilenceWatch(url: string, { lateMs = LATE_MS, patienceMs = PATIENCE_MS }: SilenceOptions = {}): SilenceWatch {
  /** Since when each connection that has something to answer has had it. */
  const busySince = new Map<pg.PoolClient, number>();
  /** What is asked on them fails by itself, and no event tells of it. */
  const ended = new WeakSet<pg.PoolClient>();
  let isLooking = false;

  async function isThere(): Promise<boolean> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: patienceMs });
    client.on('error', () => {});
    try {
      await client.connect();
      return true;
    } catch (error) {
      return error instanceof pg.DatabaseError; // it says no, and so it is there
    } finally {
      void client.end().catch(() => {});
    }
  }

  async function look(): Promise<void> {
    const late = [...busySince].filter(([, since]) => performance.now() - since > lateMs);
    if (late.length === 0 || (await isThere())) return;
    for (const [client, since] of late)
      if (busySince.get(client) === since) client.connection.stream.destroy(new Error('the database server has fallen silent'));
  }

  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => {
      isLooking = false;
    });
  }, lateMs / 3);
  timer.unref();
  return {
    watch(client) {
      const idle = (): void => void busySince.delete(client);
      client.on('drain', idle);
      client.on('end', () => {
        ended.add(client);
        idle();
      });
    },
    asked: (client) => void (busySince.has(client) || ended.has(client) || busySince.set(client, performance.now())),
    close: () => clearInterval(timer),
  };
}
