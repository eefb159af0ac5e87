// The event store as the rest of the ledger sees it. Nothing outside this folder knows which client is behind it.
import type { Annulments } from './annulments.ts';
import { makeAnnulments } from './annulments.ts';
import { openConnection } from './connection.ts';
import type { Log } from './log.ts';
import { makeLog } from './log.ts';
import { makeLogWindow } from './log-window.ts';
import type { Streams } from './streams.ts';
import { makeStreams } from './streams.ts';
import type { LogSubscription, SubscriptionOptions } from './subscription.ts';
import { subscribeToLog } from './subscription.ts';

export interface EventStore {
  readonly streams: Streams;
  readonly annulments: Annulments;
  readonly log: Log;
  /** Starts a catch-up subscription over the ledger's streams; it goes on by itself until stopped. */
  subscribe(options: SubscriptionOptions): LogSubscription;
  /** Stops subscriptions, waits for calls under way (at most 15 s), then lets go of the connection. */
  close(): Promise<void>;
}

/**
 * The event store at `url` (a connection string, `esdb://…`). One per process; close it last. Connects at the first call.
 * Load the annulments before reading anything: `await store.annulments.load()`.
 */
export function connectEventStore(url: string): EventStore {
  const connection = openConnection(url);
  const annulments = makeAnnulments(connection);
  const window = makeLogWindow(connection, annulments);
  return {
    streams: makeStreams(connection, annulments),
    annulments,
    log: makeLog(connection),
    subscribe: (options) => subscribeToLog({ connection, annulments, window }, options),
    close: connection.close,
  };
}
