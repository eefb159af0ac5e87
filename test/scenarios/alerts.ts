// For every alert, series under which it must fire, and it alone: what is not given here is as in a ledger in which all is well.

export type Series = Readonly<Record<string, string>>;

/** Samples every 15 s; so many are more than the longest that an alert waits for. */
const SAMPLES = 400;
export const EVALUATED_AT = '90m';
const always = (value: number): string => `${value}+0x${SAMPLES}`;
const growing = (by: number): string => `0+${by}x${SAMPLES}`;
/** The time itself, as a metric that says when something was last done: just now. */
const JUST_NOW = growing(15);

const command = (outcome: string): string => `ledger_commands_total{type="deposit",outcome="${outcome}",transport="rest"}`;
const request = (status: number): string => `http_server_request_duration_seconds_count{http_response_status_code="${status}"}`;
const appended = (le: string): string => `ledger_command_duration_seconds_bucket{stage="durable",le="${le}"}`;

export const HEALTHY: Series = {
  'up{job="ledger",instance="a"}': always(1),
  // The load client is away most of the time, and a process of another kind.
  'up{job="ledger-load",instance="load"}': always(0),
  'nodejs_eventloop_lag_p99_seconds{job="ledger-load",instance="load"}': always(1),
  'ledger_ready{check="lag",instance="a"}': always(1),
  [request(201)]: growing(100),
  [request(422)]: growing(50),
  [request(503)]: always(0),
  [command('applied')]: growing(100),
  [command('insufficient_funds')]: growing(10),
  [command('overloaded')]: always(0),
  [command('outcome_unknown')]: always(0),
  [appended('0.01')]: growing(100),
  [appended('1')]: growing(100),
  [appended('+Inf')]: growing(100),
  'ledger_books_unequal{instance="a"}': always(0),
  'ledger_books_checked_timestamp_seconds{instance="a"}': JUST_NOW,
  'ledger_projector_halted{instance="a"}': always(0),
  'ledger_projector_leading{instance="a"}': always(1),
  'ledger_projector_leading{instance="b"}': always(0),
  'ledger_projection_lag_seconds{instance="a"}': always(0.1),
  'ledger_projection_lag_events{instance="a"}': always(12),
  'ledger_transfers_under_way{instance="a"}': always(0),
  'ledger_dead_letters{instance="a"}': always(0),
  'ledger_broker_queue_messages{queue="ledger.commands.00",instance="a"}': always(900),
  // Every process counts the same queues.
  'ledger_broker_queue_messages{queue="ledger.commands.00",instance="b"}': always(900),
  'ledger_clock_ahead_seconds{instance="a"}': always(0.01),
  'nodejs_eventloop_lag_p99_seconds{job="ledger",instance="a"}': always(0.012),
  'ledger_database_connections_waiting{instance="a"}': always(0),
  'process_open_fds{job="ledger",instance="a"}': always(100),
  'process_max_fds{job="ledger",instance="a"}': always(1024),
};

export const UNHEALTHY: Readonly<Record<string, Series>> = {
  LedgerDown: { 'up{job="ledger",instance="a"}': always(0) },
  LedgerNotReady: { 'ledger_ready{check="lag",instance="a"}': always(0) },
  LedgerErrors: { [request(503)]: growing(5) },
  LedgerOverloaded: { [command('overloaded')]: growing(1) },
  LedgerOutcomesUnknown: { [command('outcome_unknown')]: growing(1) },
  LedgerSlow: { [appended('0.01')]: growing(90) },
  LedgerBooksUnequal: { 'ledger_books_unequal{instance="a"}': always(1) },
  LedgerBooksUnchecked: { 'ledger_books_checked_timestamp_seconds{instance="a"}': always(0) },
  LedgerProjectorHalted: { 'ledger_projector_halted{instance="a"}': always(1) },
  LedgerProjectorMissing: { 'ledger_projector_leading{instance="a"}': always(0) },
  LedgerProjectionBehind: { 'ledger_projection_lag_seconds{instance="a"}': always(6) },
  LedgerProjectionFarBehind: { 'ledger_projection_lag_events{instance="a"}': always(25_001) },
  LedgerTransfersPending: { 'ledger_transfers_under_way{instance="a"}': always(1) },
  LedgerDeadLetters: { 'ledger_dead_letters{instance="a"}': always(1) },
  LedgerCommandsQueueUp: { 'ledger_broker_queue_messages{queue="ledger.commands.00",instance="a"}': always(1001) },
  LedgerClockAhead: { 'ledger_clock_ahead_seconds{instance="a"}': always(1.5) },
  LedgerEventLoopSlow: { 'nodejs_eventloop_lag_p99_seconds{job="ledger",instance="a"}': always(0.3) },
  LedgerDatabaseConnectionsUsedUp: { 'ledger_database_connections_waiting{instance="a"}': always(1) },
  LedgerFileDescriptorsUsedUp: { 'process_open_fds{job="ledger",instance="a"}': always(900) },
};
