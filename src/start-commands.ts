// Command handling, for every role that sends commands.
import type { Logger } from 'pino';
import type { PermissionSettings } from './api/permissions.ts';
import type { CommandBus } from './commands/bus.ts';
import type { ClockGuard } from './commands/clock-guard.ts';
import { makeClockGuard } from './commands/clock-guard.ts';
import { makeCommandSide } from './commands/command-side.ts';
import type { CommandHandler } from './commands/handler.ts';
import { makeInProcessBus } from './commands/in-process-bus.ts';
import type { Spans } from './commands/spans.ts';
import type { Config } from './config.ts';
import type { Rejection } from './domain/rejections.ts';
import { rejection } from './domain/rejections.ts';
import type { EventStore } from './eventstore/client.ts';
import type { Database } from './postgres/pool.ts';
import type { LagReport, LagWatch } from './projections/lag-watch.ts';
import { watchLag } from './projections/lag-watch.ts';
import type { ProjectedPosition } from './projections/position.ts';
import { watchPosition } from './projections/position.ts';
import type { Broker } from './rabbitmq/broker.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** Beyond this many events that are not projected, commands are refused: their facts would fill the memory. */
export const MAX_LAG_EVENTS = 50_000n;
const ANNULMENTS_EVERY_MS = 5000;
const FIRST_ASSETS_MS = 2000;

/** What every role stands on. */
export interface Stores {
  readonly store: EventStore;
  readonly database: Database;
  /** Absent: commands stay inside this process. */
  readonly broker: Broker | undefined;
  readonly metrics: Metrics;
  /** Absent where nobody traces. */
  readonly spans: Spans | undefined;
}

export interface Commands {
  readonly handle: CommandHandler['handle'];
  /** Straight into this process's handling. */
  readonly bus: CommandBus;
  readonly position: ProjectedPosition;
  readonly lag: LagWatch;
  readonly clock: ClockGuard;
}

/** Command handling, for every role that sends commands: what keeps the API from taking any keeps the others from it too. */
export async function startCommands(
  opened: AsyncDisposableStack,
  config: Config,
  { store, database, metrics, spans }: Stores,
  log: Logger,
): Promise<Commands> {
  opened.defer(refreshAnnulments(store, log));
  const position = opened.adopt(watchPosition(database), ({ close }) => close());
  const clock = opened.adopt(
    makeClockGuard({ probe: store.streams.clockSkew, onError: (err) => log.warn({ err }, 'the clocks were not compared') }),
    ({ close }) => close(),
  );
  await clock.start();

  const counted = metrics.watchCommands({
    mailboxCommands: () => handling.waiting(),
    appendsUnderWay: store.streams.appendsUnderWay,
    clockAheadMs: clock.aheadMs,
  });
  const handling = makeCommandSide({
    store,
    db: database.db,
    limits: config,
    admission: () => clock.refusal() ?? lagRefusal(lag.report()),
    now: clock.nowMs,
    observe: { ...counted, failed: (stream, err) => log.warn({ err, stream }, 'commands were not decided') },
    spans,
  });
  const lag = opened.adopt(watchLag({ streams: store.streams, db: database.db, onAnotherLog: handling.forgetAll }), ({ close }) => close());
  await lag.look(); // before the first command
  const bus = opened.adopt(makeInProcessBus(handling), ({ close }) => close());
  // Whoever asks first should find them; a projector that is far behind is no reason not to start.
  await position.waitFor(await handling.registerInitialAssets(), FIRST_ASSETS_MS);
  return { handle: handling.handle, bus, position, lag, clock };
}

/** A process that does not project hears of an annulment only by looking. */
function refreshAnnulments({ annulments }: EventStore, log: Logger): () => void {
  const timer = setInterval(() => {
    annulments.load().catch((err: unknown) => log.debug({ err }, 'annulments were not read'));
  }, ANNULMENTS_EVERY_MS);
  return () => clearInterval(timer);
}

function lagRefusal({ events, refusal }: LagReport): Rejection | undefined {
  if (refusal) return rejection('projection_behind', `No commands are taken: ${refusal.message}.`);
  if (events <= MAX_LAG_EVENTS) return undefined;
  return rejection('projection_behind', `${events} events are waiting to be projected; no commands are taken beyond ${MAX_LAG_EVENTS}.`);
}

/** Where both stores are embedded nothing is at stake, and whoever tries the ledger out has to have some money. */
export const permissionsOf = ({ selfDeposit, eventStoreUrl, databaseUrl }: Config): PermissionSettings => ({
  selfDeposit: selfDeposit ?? (eventStoreUrl === undefined && databaseUrl === undefined),
});
