// The service's metrics, by the names that dashboards and alerts are written against (deploy/). No account id is ever a label.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Readiness } from '../api/routes/health.ts';
import { DURATION_BUCKETS_S } from '../api/routes/metrics.ts';
import type { CommandObserver } from '../commands/handler.ts';
import type { DatabaseConnections } from '../postgres/pool.ts';
import type { BooksReport } from '../projections/books-watch.ts';
import type { LagReport } from '../projections/lag-watch.ts';
import type { ProjectionObserver, ProjectorStatus } from '../projections/projector.ts';
import { isProjecting } from '../projections/projector.ts';
import type { Broker } from '../rabbitmq/broker.ts';

/** The metrics of one process. What it does not do it has no metric of: each `watch…` adds those of one part, once. */
export interface Metrics {
  readonly registry: Registry;
  /** For a process that decides commands. Everything but a gauge counts from the start of the process. */
  watchCommands(sources: CommandSources): Pick<CommandObserver, 'answered' | 'appended' | 'conflicted'>;
  /** For a process that projects. */
  watchProjector(status: () => ProjectorStatus, books: () => BooksReport | undefined): ProjectionObserver;
  watchLag(report: () => LagReport): void;
  watchDatabase(connections: () => DatabaseConnections): void;
  /** For a process that follows transfers. */
  watchTransfers(underWay: () => number): void;
  /** For a process that has a broker. */
  watchBroker(broker: Pick<Broker, 'deadLetters' | 'queuedCommands'>): void;
  /** For a process that puts commands into a broker, and waits for their answers. */
  watchReplies(awaited: () => number): void;
  watchReadiness(readiness: () => Promise<Readiness>): void;
}

/** What is read at the moment of a scrape. */
export interface CommandSources {
  /** Commands taken and not yet answered. */
  readonly mailboxCommands: () => number;
  readonly appendsUnderWay: () => number;
  /** How far this process's clock is ahead of the event store's, in ms. */
  readonly clockAheadMs: () => number;
}

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128];
const PROJECTED_BUCKETS = [1, 4, 16, 64, 256, 1024, 4096];
/** Fine where reads mostly are, so that percentiles can be told from it. */
const DELAY_BUCKETS_S = [
  0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 60,
];
const MS_PER_S = 1000;

/** @param process what is the same for its whole life. */
export function makeMetrics(process: { readonly version: string; readonly roles: readonly string[] }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  new Gauge({
    name: 'ledger_build_info',
    help: 'Always 1; the labels say which release runs, and what this process does.',
    labelNames: ['version', 'roles'],
    registers,
  }).set({ version: process.version, roles: process.roles.join(',') }, 1);

  return {
    registry,
    watchCommands(sources) {
      gauge('ledger_mailbox_commands', 'Commands taken and not yet answered.', sources.mailboxCommands);
      gauge('ledger_appends_under_way', 'Appends sent to the event store and not yet answered.', sources.appendsUnderWay);
      gauge(
        'ledger_clock_ahead_seconds',
        "How far this process's clock is ahead of the event store's, as last compared: a lower bound. Negative where it is behind.",
        () => sources.clockAheadMs() / MS_PER_S,
      );
      return observeCommands(registers);
    },
    watchProjector(status, books) {
      gauge('ledger_projector_leading', '1 where this process projects, 0 where it stands by for the one that does.', () =>
        isProjecting(status()) ? 1 : 0,
      );
      gauge(
        'ledger_books_unequal',
        'Assets whose balances do not sum to zero, and balances that are not what the journal says; NaN where another process compares them.',
        () => books()?.differences ?? Number.NaN,
      );
      gauge(
        'ledger_books_checked_timestamp_seconds',
        'When the books were last compared, in seconds since 1970; NaN before that, and where another process does it.',
        () => (books()?.checkedAtMs ?? Number.NaN) / MS_PER_S,
      );
      return observeProjection(registers);
    },
    watchLag(report) {
      gauge('ledger_projection_lag_events', 'Events in the log that are not projected yet (estimated from positions).', () =>
        Number(report().events),
      );
      gauge(
        'ledger_projection_lag_seconds',
        'For how long there have been events that are not projected yet; 0 where there are none.',
        () => report().seconds,
      );
      gauge('ledger_projector_halted', '1 where the projector, of whatever process, has stopped at an event or refuses the log.', () =>
        report().halt !== undefined || report().refusal !== undefined ? 1 : 0,
      );
    },
    watchDatabase(connections) {
      new Gauge({
        name: 'ledger_database_connections',
        help: 'Connections of this process to Postgres, used and idle.',
        labelNames: ['state'],
        registers,
        collect() {
          const { used, idle } = connections();
          this.set({ state: 'used' }, used);
          this.set({ state: 'idle' }, idle);
        },
      });
      gauge('ledger_database_connections_max', 'Most connections that this process opens to Postgres.', () => connections().most);
      gauge('ledger_database_connections_waiting', 'Who waits in this process for a connection to Postgres.', () => connections().waiting);
    },
    watchTransfers: (underWay) =>
      gauge('ledger_transfers_under_way', 'Transfers sent and not yet ended, as the transfer manager of this process has read.', underWay),
    watchBroker({ deadLetters, queuedCommands }) {
      gauge('ledger_dead_letters', 'Messages that no retry can help, as the broker keeps them; NaN while it does not answer.', deadLetters);
      new Gauge({
        name: 'ledger_broker_queue_messages',
        help: 'Commands in each queue of the broker that no process has taken yet, as seen some seconds ago.',
        labelNames: ['queue'],
        registers,
        collect() {
          this.reset();
          for (const [queue, messages] of queuedCommands()) this.set({ queue }, messages);
        },
      });
    },
    watchReplies: (awaited) =>
      gauge(
        'ledger_broker_replies_awaited',
        'Commands that this process has put into the broker, and whose answers it waits for.',
        awaited,
      ),
    watchReadiness(readiness) {
      new Gauge({
        name: 'ledger_ready',
        help: 'Every check of /health/ready: 1 where it is passed.',
        labelNames: ['check'],
        registers,
        async collect() {
          const { checks } = await readiness();
          this.reset();
          for (const [check, { ok }] of Object.entries(checks)) this.set({ check }, ok ? 1 : 0);
        },
      });
    },
  };
}

function observeCommands(registers: Registry[]): ReturnType<Metrics['watchCommands']> {
  const commands = new Counter({
    name: 'ledger_commands_total',
    help: 'Commands answered, by type, outcome (applied, would_apply, or the code of the refusal) and transport.',
    labelNames: ['type', 'outcome', 'transport'],
    registers,
  });
  const durations = new Histogram({
    name: 'ledger_command_duration_seconds',
    help: 'Time of a command, by stage: durable (the append alone), answered (from arrival to answer).',
    labelNames: ['stage'],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const batchSizes = new Histogram({ name: 'ledger_append_batch_size', help: 'Events in one append.', buckets: BATCH_BUCKETS, registers });
  const conflicts = new Counter({ name: 'ledger_append_conflicts_total', help: 'Appends that another writer was ahead of.', registers });
  return {
    answered({ command, transport }, answer, durationMs) {
      const outcome = answer.status === 'rejected' ? answer.rejection.code : answer.status;
      commands.inc({ type: command.type, outcome, transport });
      durations.observe({ stage: 'answered' }, durationMs / MS_PER_S);
    },
    appended(events, durationMs) {
      batchSizes.observe(events);
      durations.observe({ stage: 'durable' }, durationMs / MS_PER_S);
    },
    conflicted: () => conflicts.inc(),
  };
}

function observeProjection(registers: Registry[]): ProjectionObserver {
  const batchSizes = new Histogram({
    name: 'ledger_projection_batch_size',
    help: 'Events that the projector wrote in one transaction.',
    buckets: PROJECTED_BUCKETS,
    registers,
  });
  const durations = new Histogram({
    name: 'ledger_projection_batch_duration_seconds',
    help: "Time of one of the projector's transactions.",
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const delays = new Histogram({
    name: 'ledger_projection_delay_seconds',
    help: "Age of an event when reads show it: from the time that it bears, by the writer's clock, to the end of the transaction.",
    buckets: DELAY_BUCKETS_S,
    registers,
  });
  return {
    applied(events, { startedAtMs, endedAtMs }) {
      batchSizes.observe(events.length);
      durations.observe(Math.max(0, endedAtMs - startedAtMs) / MS_PER_S);
      for (const { metadata } of events) delays.observe(Math.max(0, endedAtMs - Date.parse(metadata.occurredAt)) / MS_PER_S);
    },
  };
}
