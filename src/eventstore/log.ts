// The log as it stands: every record of the ledger's streams, annulments among them, as fast as the client reads them.
import type { AllStreamResolvedEvent, ReadPosition, StreamingRead } from '@eventstore/db-client';
import { BACKWARDS, END, FORWARDS, START } from '@eventstore/db-client';
import { STREAM_PREFIXES } from '../domain/events.ts';
import { ANNULMENTS_STREAM } from './annulments.ts';
import { placeOf } from './codec.ts';
import type { Connection } from './connection.ts';
import type { EventPlace } from './errors.ts';
import { StoreUnavailable } from './errors.ts';
import { isAbsence, reading, SILENCE_MS } from './reading.ts';
import { within } from './within.ts';

/** A record as it is stored. */
export interface LogRecord extends EventPlace {
  readonly type: string;
  /** The parsed JSON; the text where it is not JSON though it says so, the bytes where it does not say so. */
  readonly data: unknown;
  /** The parsed JSON; undefined where there is none, the bytes where it is not JSON. */
  readonly metadata: unknown;
}

export interface LogRange {
  /** Records after this position; undefined: from the first. */
  readonly after?: bigint | undefined;
  /** Records up to this position, itself included; undefined: to the end of the log. */
  readonly until?: bigint | undefined;
}

export interface Log {
  /**
   * The records in log order, in batches of one or more, each event once. Flat in memory: what is not taken is not fetched.
   * @throws StoreUnavailable, also where the server falls silent for 10 s
   */
  read(range?: LogRange): AsyncGenerator<readonly LogRecord[], void, undefined>;
  /** The position of the last record of all, whosever it is; undefined in an empty log. @throws StoreUnavailable */
  end(): Promise<bigint | undefined>;
}

/** As many records are handed over at a time, and twice as many are kept waiting. */
const BATCH = 1024;
const DOING = 'reading the log';

const isOfLedger = (stream: string): boolean => STREAM_PREFIXES.some((prefix) => stream.startsWith(prefix)) || stream === ANNULMENTS_STREAM;

/** What has arrived and was not taken yet. */
interface Inbox {
  records: LogRecord[];
  ended: boolean;
  failure: unknown;
  wake: () => void;
}

export function makeLog(connection: Connection): Log {
  async function* read({ after, until }: LogRange = {}): AsyncGenerator<readonly LogRecord[], void, undefined> {
    const use = connection.begin(DOING);
    const fromPosition: ReadPosition = after === undefined ? START : { commit: after, prepare: after };
    const source = connection.client.readAll({ direction: FORWARDS, fromPosition });
    try {
      const inbox = receive(source, { after, until });
      for (;;) {
        if (inbox.records.length === 0) {
          if (inbox.failure !== undefined) throw inbox.failure;
          if (inbox.ended) return;
          await within(SILENCE_MS, new Promise<void>((resolve) => Object.assign(inbox, { wake: resolve })));
          await new Promise(setImmediate); // what came with it comes now: taken one by one, each would cost as much as a batch
          continue;
        }
        const records = inbox.records;
        inbox.records = [];
        source.resume();
        for (let start = 0; start < records.length; start += BATCH) yield records.slice(start, start + BATCH);
      }
    } catch (error) {
      if (!isAbsence(error)) throw new StoreUnavailable(DOING, error);
    } finally {
      use.done();
      source.removeAllListeners('data');
      source.cancel().catch(() => {}); // it never began
      source.resume(); // what had arrived already
    }
  }

  async function end(): Promise<bigint | undefined> {
    const last = reading(connection, 'looking for the end of the log', (client) =>
      client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }),
    );
    for await (const { event } of last) if (event !== undefined) return event.position.commit;
    return undefined;
  }

  return { read, end };
}

/** Takes in what the source brings, and holds it back while nobody takes it: a listener costs a third of an iterator. */
function receive(source: StreamingRead<AllStreamResolvedEvent>, { after = -1n, until }: LogRange): Inbox {
  const inbox: Inbox = { records: [], ended: false, failure: undefined, wake: () => {} };
  source.on('data', ({ event }) => {
    if (event === undefined || inbox.ended) return;
    const position = event.position.commit;
    if (until !== undefined && position > until) inbox.ended = true;
    else if (position > after && isOfLedger(event.streamId)) {
      const { type, data, metadata } = event;
      inbox.records.push({ ...placeOf(event), type, data, metadata });
      if (inbox.records.length >= 2 * BATCH) source.pause();
    }
    inbox.wake();
  });
  source.on('error', (error) => {
    inbox.failure ??= error;
    inbox.wake();
  });
  source.on('end', () => {
    inbox.ended = true;
    inbox.wake();
  });
  return inbox;
}
