// Reading and appending streams. An append has four ends and the caller must tell them apart, so they are values.
import type { AllStreamResolvedEvent, ReadPosition } from '@eventstore/db-client';
import {
  AccessDeniedError,
  BACKWARDS,
  END,
  FORWARDS,
  InvalidArgumentError,
  MaxAppendSizeExceededError,
  NO_STREAM,
  RequiredMetadataPropertyMissingError,
  StreamDeletedError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import type { RecordedEvent } from '../domain/events.ts';
import { STREAM_PREFIXES } from '../domain/events.ts';
import type { Annulments } from './annulments.ts';
import type { ClockSkew } from './clock-probe.ts';
import { measureClockSkew } from './clock-probe.ts';
import type { NewEvent } from './codec.ts';
import { decode, encode, placeOf } from './codec.ts';
import type { Connection } from './connection.ts';
import type { EventPlace } from './errors.ts';
import { UnreadableEvent } from './errors.ts';
import { reading } from './reading.ts';
import { within } from './within.ts';

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly lastRevision: bigint; readonly position: bigint }
  /** The stream stands elsewhere: nothing of this call was written, and nothing will be. */
  | { readonly kind: 'conflict' }
  /** The server said no for good (too large, access denied, bad request, stream deleted): nothing was written, and nothing will be. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may have landed, and it may yet land. */
  | { readonly kind: 'unknown'; readonly error: Error };

export interface Streams {
  /**
   * Appends all events or none, if and only if the stream's last revision is `expecting` (-1n: there is no stream). Exactly one
   * attempt; never throws for infrastructure trouble. The same events again are the same bytes: after an unknown outcome that
   * resend finds out, because the server recognises the ids at the expected revision and answers with the original result.
   */
  append(stream: string, events: readonly NewEvent[], options: { readonly expecting: bigint }): Promise<AppendOutcome>;
  /** Appends sent and not answered yet. */
  appendsUnderWay(): number;
  /** The stream's events from revision `from` to its end; none where it does not exist. @throws StoreUnavailable | UnreadableEvent */
  read(stream: string, from: bigint): AsyncIterable<RecordedEvent>;
  /** The last event of the ledger's streams in the log; undefined in an empty log. @throws StoreUnavailable */
  head(): Promise<{ readonly position: bigint } | undefined>;
  /** The place of the event at exactly that position, of whatever stream; undefined where the log has none. @throws StoreUnavailable */
  eventAt(position: bigint): Promise<EventPlace | undefined>;
  /** How far this process' clock runs ahead of the store's. Appends a probe event. @throws StoreUnavailable */
  clockSkew(): Promise<ClockSkew>;
}

/** The client gives up an append after 10 s; this is for the ends it does not see (an answer that never comes). */
const APPEND_GIVE_UP_MS = 11_000;

/** How many events are looked through at a time for the ledger's last one, once it is not the very last. */
const LARGE_PAGE = 512;

const REFUSALS = [
  StreamDeletedError,
  AccessDeniedError,
  MaxAppendSizeExceededError,
  RequiredMetadataPropertyMissingError,
  InvalidArgumentError,
];

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

function outcomeOfFailure(thrown: unknown): AppendOutcome {
  if (thrown instanceof WrongExpectedVersionError) return { kind: 'conflict' };
  const error = asError(thrown);
  return REFUSALS.some((refusal) => error instanceof refusal)
    ? { kind: 'refused', reason: error.message || error.name }
    : { kind: 'unknown', error };
}

const isLedgerStream = (stream: string): boolean => STREAM_PREFIXES.some((prefix) => stream.startsWith(prefix));

export function makeStreams(connection: Connection, annulments: Annulments): Streams {
  const { client } = connection;
  let lastHead = -1n;
  let appendsUnderWay = 0;

  async function append(
    stream: string,
    events: readonly NewEvent[],
    { expecting }: { readonly expecting: bigint },
  ): Promise<AppendOutcome> {
    try {
      const use = connection.begin(`appending to ${stream}`);
      appendsUnderWay += 1;
      try {
        const appending = client.appendToStream(stream, events.map(encode), {
          expectedRevision: expecting === -1n ? NO_STREAM : expecting,
        });
        const { nextExpectedRevision, position } = await within(APPEND_GIVE_UP_MS, appending);
        if (position === undefined) return { kind: 'unknown', error: new Error(`the store gave no position for ${stream}`) };
        return { kind: 'appended', lastRevision: nextExpectedRevision, position: position.commit };
      } finally {
        appendsUnderWay -= 1;
        use.done();
      }
    } catch (thrown) {
      return outcomeOfFailure(thrown);
    }
  }

  async function* read(stream: string, from: bigint): AsyncGenerator<RecordedEvent, void, undefined> {
    const events = reading(connection, `reading ${stream}`, (client) =>
      client.readStream(stream, { direction: FORWARDS, fromRevision: from }),
    );
    for await (const { event } of events) {
      if (event === undefined) continue;
      let decoded = decode(event, annulments.has);
      if (decoded instanceof UnreadableEvent) {
        await annulments.load(); // it may have been annulled since
        decoded = decode(event, annulments.has);
      }
      if (decoded instanceof UnreadableEvent) throw decoded;
      if (decoded !== undefined) yield decoded;
    }
  }

  async function head(): Promise<{ readonly position: bigint } | undefined> {
    // The client offers no filter on reads, so events of others are passed over here; what was looked through is not looked through again.
    let fromPosition: ReadPosition = END;
    for (let maxCount = 1; ; maxCount = LARGE_PAGE) {
      let count = 0;
      const from: ReadPosition = fromPosition;
      const page: AsyncIterable<AllStreamResolvedEvent> = reading(connection, 'looking for the end of the log', (client) =>
        client.readAll({ direction: BACKWARDS, fromPosition: from, maxCount }),
      );
      for await (const { event } of page) {
        count += 1;
        if (event === undefined) continue;
        fromPosition = event.position;
        const position = event.position.commit;
        if (position > lastHead && !isLedgerStream(event.streamId)) continue;
        if (position > lastHead) lastHead = position;
        return { position: lastHead };
      }
      if (count < maxCount) return lastHead === -1n ? undefined : { position: lastHead };
    }
  }

  async function eventAt(position: bigint): Promise<EventPlace | undefined> {
    const fromPosition = { commit: position, prepare: position };
    const events = reading(connection, `reading the event at position ${position}`, (client) =>
      client.readAll({ direction: FORWARDS, fromPosition, maxCount: 1 }),
    );
    for await (const { event } of events) if (event?.position.commit === position) return placeOf(event);
    return undefined;
  }

  return { append, appendsUnderWay: () => appendsUnderWay, read, head, eventAt, clockSkew: () => measureClockSkew(connection) };
}
