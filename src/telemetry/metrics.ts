// The service's metrics, by the names that dashboards and alerts are written against. No account id is ever a label.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { DURATION_BUCKETS_S } from '../api/routes/metrics.ts';
import type { CommandObserver } from '../commands/handler.ts';

export interface Metrics extends Pick<CommandObserver, 'answered' | 'appended' | 'conflicted'> {
  readonly registry: Registry;
  /** For a process that follows transfers. */
  watchTransfers(underWay: () => number): void;
  /** For a process that has a broker. */
  watchDeadLetters(waiting: () => number): void;
}

/** What is read at the moment of a scrape. */
export interface MetricSources {
  /** Commands waiting in mailboxes. */
  readonly mailboxCommands: () => number;
  readonly lagEvents: () => number;
  /** How long the oldest event that is not projected yet has been waiting, in seconds; 0 where there is none. */
  readonly lagSeconds: () => number;
  readonly isProjectorHalted: () => boolean;
}

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128];
const MS_PER_S = 1000;

export function makeMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const commands = new Counter({
    name: 'ledger_commands_total',
    help: 'Commands answered.',
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
  gauge('ledger_mailbox_commands', 'Commands taken and not yet answered.', sources.mailboxCommands);
  gauge('ledger_projection_lag_events', 'Events in the log that are not projected yet (estimated from positions).', sources.lagEvents);
  gauge('ledger_projection_lag_seconds', 'Age of the oldest event that is not projected yet.', sources.lagSeconds);
  gauge('ledger_projector_halted', '1 where the projector has stopped at an event it cannot apply.', () =>
    sources.isProjectorHalted() ? 1 : 0,
  );

  return {
    registry,
    watchTransfers: (underWay) =>
      gauge('ledger_transfers_under_way', 'Transfers sent and not yet ended, as the transfer manager of this process has read.', underWay),
    watchDeadLetters: (waiting) =>
      gauge('ledger_dead_letters', 'Messages that no retry can help, as the broker keeps them; NaN while it does not answer.', waiting),
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
