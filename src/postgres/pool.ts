// Connections to Postgres: what its values are in here, and which statements it keeps prepared.
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { SilenceOptions, SilenceWatch } from './silence.ts';
import { makeSilenceWatch } from './silence.ts';
import type { LedgerTables } from './tables.ts';

/** A kysely over the ledger's tables. Other tables of the same database: `db.withTables<…>()`. */
export type LedgerDb = Kysely<LedgerTables>;

export interface DatabaseOptions {
  /** The most connections at a time. */
  readonly maxConnections?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** The schema in which all tables are looked for and made; without it, the database's default. */
  readonly schema?: string;
  /** False for connection poolers that hand statements of one client to several sessions. */
  readonly preparedStatements?: boolean;
  /** When a server that does not answer is taken for gone. */
  readonly silence?: SilenceOptions;
  /** Told of connections lost while nobody used them; whoever uses one gets its error from the query. */
  readonly onIdleError?: (error: Error) => void;
}

/** The connections of a database at a moment. */
export interface DatabaseConnections {
  readonly used: number;
  readonly idle: number;
  /** Who waits for one. */
  readonly waiting: number;
  /** As many there may be. */
  readonly most: number;
}

export interface Database {
  readonly db: LedgerDb;
  /** For what kysely does not do: LISTEN. Values are read as in `db`. */
  readonly pool: pg.Pool;
  connections(): DatabaseConnections;
  /** Waits for queries under way. Calling it again waits for the same end. */
  close(): Promise<void>;
}

const { INT8, DATE, TIMESTAMPTZ } = pg.types.builtins;

/** Postgres writes `2026-01-31 12:00:00.5+00`, the ledger `2026-01-31T12:00:00.500Z`: at least milliseconds, always UTC. */
export function rfc3339(text: string): string {
  const [, day, time, fraction = ''] = /^(\S+) ([0-9:]+)(?:\.([0-9]+))?\+00$/.exec(text) ?? [];
  if (day === undefined) return new Date(text).toISOString(); // a session in another time zone
  return `${day}T${time}.${fraction.padEnd(3, '0')}Z`;
}

const asWritten = (text: string): string => text;

/** Without these, an int8 would be a string that looks like a number, and times would lose their microseconds in a Date. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return BigInt;
    if (oid === TIMESTAMPTZ) return rfc3339;
    if (oid === DATE) return asWritten;
    return pg.types.getTypeParser(oid, format);
  },
};

/** As many texts as are given a name. The ledger's own are some dozens; a bound all the same, since the server keeps each of them. */
const MAX_PREPARED = 300;

/** A name for every text, so that each connection parses and plans it once; undefined for those beyond the bound. */
function makeNames(): (text: string) => string | undefined {
  const names = new Map<string, string>();
  return (text) => {
    const known = names.get(text);
    if (known !== undefined || names.size >= MAX_PREPARED) return known;
    const name = `ledger_${names.size}`;
    names.set(text, name);
    return name;
  };
}

/** Names the statements with parameters that go over the connection, since kysely and pg leave them without one, and has their answers waited for. */
function prepareStatements(client: pg.PoolClient, nameOf: (text: string) => string | undefined, silence: SilenceWatch): void {
  silence.watch(client);
  const query = client.query.bind(client);
  Object.defineProperty(client, 'query', {
    configurable: true, // whoever watches the statements does so from outside
    value: (...args: readonly unknown[]): unknown => {
      const [text, values] = args;
      const name = args.length === 2 && typeof text === 'string' && Array.isArray(values) && values.length > 0 ? nameOf(text) : undefined;
      silence.asked(client);
      return Reflect.apply(query, client, name === undefined ? args : [{ name, text, values }]);
    },
  });
}

/** For a free connection or a new one: a server that does not answer is as good as away. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Before the first probe on a connection on which nothing moves; ten more follow, a second apart. */
const KEEP_ALIVE_AFTER_MS = 10_000;

/** Opens the database at `url` (`postgres://…`). Connects when first used, and again after a connection was lost. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const { maxConnections = 10, applicationName = 'ledger', schema, preparedStatements = true, silence, onIdleError } = options;
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    application_name: applicationName,
    types,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...(schema !== undefined && { options: `-c search_path=${schema}` }),
  });
  pool.on('error', (error) => onIdleError?.(error)); // without a listener it would end the process
  // A connection that dies between two statements of a transaction says so apart from any query; the next query fails anyway.
  const silenceWatch = makeSilenceWatch(url, silence);
  const nameOf = preparedStatements ? makeNames() : () => undefined;
  pool.on('connect', (client) => {
    client.on('error', () => {});
    prepareStatements(client, nameOf, silenceWatch);
  });
  const db = new Kysely<LedgerTables>({ dialect: new PostgresDialect({ pool }) });
  let closing: Promise<void> | undefined;
  return {
    db,
    pool,
    connections: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      most: maxConnections,
    }),
    close: () => {
      closing ??= db.destroy().finally(silenceWatch.close);
      return closing;
    },
  };
}
