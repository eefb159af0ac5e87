// Building the projections anew from the log, in a shadow beside the live ones.
import type { RecordedEvent } from '../domain/events.ts';
import type { EventStore } from '../eventstore/client.ts';
import { UnreadableEvent } from '../eventstore/errors.ts';
import type { Database } from '../postgres/pool.ts';
import type { Checkpoint } from '../projections/checkpoint.ts';
import type { ReadSoFar, Shadow } from '../projections/shadow.ts';
import { NotUnique, openShadow } from '../projections/shadow.ts';
import { EMPTY_CHAIN } from './chain.ts';
import type { ChainReport } from './chain-ledger.ts';
import { openLedgerChainCheck } from './chain-ledger.ts';
import type { ReadProgress } from './read-log.ts';
import { decodeRecord, readLog } from './read-log.ts';

/** Events of one transaction: enough that its statements cost little for each, and what is in memory stays small. */
const BATCH_EVENTS = 2_500;

export interface RebuildOptions {
  readonly database: Pick<Database, 'db' | 'pool'>;
  readonly store: Pick<EventStore, 'log' | 'annulments' | 'streams'>;
  /** Of the running program. */
  readonly release: string;
  /** Of one transaction, about. */
  readonly batchEvents?: number;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
  /** Told in a sentence what is done besides reading. */
  readonly onStep?: ((message: string) => void) | undefined;
}

export interface Rebuild extends AsyncDisposable {
  readonly shadow: Shadow;
  /**
   * Goes on to `until`, else to the log's end, and makes the tables whole. What was read is held against the signed checkpoints.
   * @throws UnappliableEvent or UnreadableEvent at the first event that cannot be applied, all before it being applied;
   *   StoreUnavailable. Called again, it goes on from there.
   */
  catchUp(until?: bigint): Promise<void>;
  /** Throws away what was built, and begins anew at the next `catchUp`. */
  restart(how?: { readonly isCareful: boolean }): Promise<void>;
  /** What the signed checkpoints say of everything that was read. */
  chain(): ChainReport;
}

/** Whether the log has that event there; it has the place before the first. @throws StoreUnavailable */
export async function isInLog(
  { streams }: Pick<EventStore, 'streams'>,
  { position, eventId }: Pick<Checkpoint, 'position' | 'eventId'>,
): Promise<boolean> {
  return eventId === undefined || (await streams.eventAt(position))?.eventId === eventId;
}

/**
 * Opens a rebuild of the database's tables, gone on with where an earlier one has left it.
 * @throws RebuildUnderWay while another process has it.
 */
export async function openRebuild(options: RebuildOptions): Promise<Rebuild> {
  const { database, store, release, batchEvents = BATCH_EVENTS, onProgress, onStep } = options;
  await using opened = new AsyncDisposableStack();
  const shadow = opened.use(
    await openShadow({ database, release, chainHash: EMPTY_CHAIN.hash, isInLog: (place) => isInLog(store, place) }),
  );
  if (shadow.checkpoint().eventId !== undefined) onStep?.(`going on after ${shadow.checkpoint().events} events`);
  await store.annulments.load();
  let chain = await openLedgerChainCheck(database.db, shadow.readSoFar().chain);

  async function readOn(until: bigint | undefined): Promise<void> {
    await takeUpChain();
    const applied = shadow.checkpoint().position;
    let { isBorneOut } = shadow.readSoFar();
    const batches = makeBatches(shadow, batchEvents);
    for await (const records of readLog(store, { after: shadow.readSoFar().position, until, onProgress })) {
      for (const record of records) {
        if (chain.add(record) !== undefined) isBorneOut = false;
        let recorded = decodeRecord(store, record);
        if (recorded instanceof UnreadableEvent) {
          await store.annulments.load();
          recorded = decodeRecord(store, record);
        }
        if (recorded instanceof UnreadableEvent) {
          await batches.end();
          throw recorded;
        }
        // A batch of which only the first events could be applied is read again.
        if (recorded !== undefined && recorded.position > applied) batches.add(recorded);
      }
      const position = records.at(-1)?.position;
      await batches.reached({ position, chain: chain.state(), isBorneOut });
    }
    await batches.end();
  }

  /** After a batch of which only the first events could be applied, the rest is read again. */
  async function takeUpChain(): Promise<void> {
    const read = shadow.readSoFar();
    if (chain.state().hash === read.chain.hash) return;
    if (read.isBorneOut) chain = await openLedgerChainCheck(database.db, read.chain);
    else await restart();
  }

  async function catchUp(until?: bigint): Promise<void> {
    await readOn(until);
    try {
      await shadow.finish((done, of) => onStep?.(`making index ${done + 1} of ${of}`));
    } catch (error) {
      if (!(error instanceof NotUnique)) throw error;
      onStep?.(`two events say what only one may (${error.message}): reading once more, to find the second`);
      await restart({ isCareful: true });
      await catchUp(until);
    }
  }

  async function restart(how = { isCareful: false }): Promise<void> {
    await shadow.restart(how);
    chain = await openLedgerChainCheck(database.db);
  }

  const kept = opened.move();
  return { shadow, catchUp, restart, chain: () => chain.end(), [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Collects events and has them applied in large batches: one is written while the next is read and decoded. */
function makeBatches(shadow: Shadow, batchEvents: number) {
  let events: RecordedEvent[] = [];
  let read: ReadSoFar = shadow.readSoFar();
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    await writing;
    const batch = events;
    events = [];
    writing = shadow.apply(batch, read);
    writing.catch(() => {}); // it is awaited later
  }
  return {
    add: (event: RecordedEvent): void => {
      events.push(event);
    },
    /** Everything up to there was added. */
    reached: async (to: ReadSoFar): Promise<void> => {
      read = to;
      if (events.length >= batchEvents) await write();
    },
    /** Waits until all that was added is written. What follows on the last place reached is added once more by the next reading. */
    end: async (): Promise<void> => {
      if (events.length > 0 || read.position !== shadow.readSoFar().position) await write();
      await writing;
    },
  };
}
