// Feeds: the records of the ledger's streams behind a place in the log, as they come from the server.
import type { AllStreamSubscription } from '@eventstore/db-client';
import { START, streamNameFilter } from '@eventstore/db-client';
import type { RecordedEvent } from '../domain/events.ts';
import { STREAM_PREFIXES } from '../domain/events.ts';
import type { StoreRecord } from './codec.ts';
import type { Connection } from './connection.ts';
import type { UnreadableEvent } from './errors.ts';
import { within } from './within.ts';

export interface LogFeed {
  /** How many records have come and were not taken. */
  waiting(): number;
  /** The next ones in log order, at most so many. */
  take(most: number): readonly StoreRecord[];
  decode(record: StoreRecord): RecordedEvent | UnreadableEvent | undefined;
  /** Where nothing waits: up to where there is nothing else in the log, as far as the server has said. */
  passed(): bigint | undefined;
  /** What ended it; undefined while it goes on. What has come before can still be taken. */
  ended(): Error | undefined;
  /** Whether another feed has to take over. */
  isOver(): boolean;
  close(): Promise<void>;
}

/** Every this many times 32 events of other streams the server says how far it has looked. */
const CHECKPOINT_INTERVAL = 32;
/** How long ending a call is waited for. */
const LEAVE_MS = 5_000;

interface LogListener {
  readonly onRecord: (record: StoreRecord) => void;
  /** Told how far the server has looked when everything before was handed over. */
  readonly onPassed: (position: bigint) => void;
  /** Told once: the server has ended it, or it cannot be reached. */
  readonly onEnd: (error: Error) => void;
}

export interface OpenLog {
  readonly subscription: AllStreamSubscription;
  /** Nothing is told any more once it begins. */
  close(): Promise<void>;
}

/** Subscribes to the ledger's streams after that position; undefined: to all of the log. */
export function openLog(connection: Connection, after: bigint | undefined, { onRecord, onPassed, onEnd }: LogListener): OpenLog {
  let isOpen = true;
  const filter = streamNameFilter({
    prefixes: [...STREAM_PREFIXES],
    checkpointInterval: CHECKPOINT_INTERVAL,
    checkpointReached: (source, { commit }) => {
      if (isOpen && source.readableLength === 0) onPassed(commit);
    },
  });
  const fromPosition = after === undefined ? START : { commit: after, prepare: after };
  const subscription = connection.client.subscribeToAll({ fromPosition, filter });
  const end = (error: Error): void => {
    if (isOpen) onEnd(error);
    isOpen = false;
  };
  subscription.on('error', end);
  subscription.on('end', () => end(new Error('the event store ended the subscription')));
  subscription.on('close', () => end(new Error('the subscription was closed')));
  subscription.on('data', ({ event }) => {
    if (event !== undefined && isOpen) onRecord(event);
  });
  return {
    subscription,
    async close() {
      isOpen = false;
      subscription.removeAllListeners('data');
      // Leaving it is not enough: only this ends the call; of one that never came about it waits for the beginning.
      await within(LEAVE_MS, subscription.unsubscribe()).catch(() => {});
    },
  };
}

export interface OwnFeedOptions {
  readonly connection: Connection;
  readonly after: bigint | undefined;
  readonly batchSize: number;
  readonly decode: LogFeed['decode'];
  readonly onCome: () => void;
}

/** A subscription of one's own: the server is asked to wait while two batches have come and were not taken. */
export function openOwnFeed({ connection, after, batchSize, decode, onCome }: OwnFeedOptions): LogFeed {
  const records: StoreRecord[] = [];
  let passed: bigint | undefined;
  let ended: Error | undefined;
  const { subscription, close } = openLog(connection, after, {
    onRecord(record) {
      records.push(record);
      if (records.length >= 2 * batchSize) subscription.pause();
      onCome();
    },
    onPassed(position) {
      if (records.length === 0) passed = position;
    },
    onEnd(error) {
      ended = error;
      onCome();
    },
  });
  return {
    waiting: () => records.length,
    take(most) {
      const taken = records.splice(0, most);
      if (records.length < batchSize) subscription.resume();
      return taken;
    },
    decode,
    passed: () => passed,
    ended: () => ended,
    isOver: () => false,
    close,
  };
}
