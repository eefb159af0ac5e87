// The one connection of a process to its event store: who uses it is counted, so that nothing is cut off at the end.
import { EventStoreDBClient } from '@eventstore/db-client';
import { guardBatchAppend } from './batch-append-guard.ts';
import { StoreUnavailable } from './errors.ts';
import { within } from './within.ts';

/** How long `close` waits for calls under way. Above the deadline of an append (10 s), after which every call has ended. */
const DRAIN_MS = 15_000;

/** How long the client may take to cancel what is left. */
const DISPOSE_MS = 2_000;

/** Something under way on the connection. `done` says that it has ended, however. */
interface Use {
  done(): void;
}

export interface Connection {
  readonly client: EventStoreDBClient;
  /**
   * Counts a call in until it is done. `stop`, if given, is called when the connection closes, for what would never end by itself.
   * @throws StoreUnavailable once the connection is closing.
   */
  begin(doing: string, stop?: () => void): Use;
  /** Waits for all calls under way, at most 15 s, then cuts the rest off. Calling it again waits for the same end. */
  close(): Promise<void>;
}

/**
 * Prepares the connection; the server is first spoken to at the first call. `url` is a connection string (`esdb://…`).
 * One per process: the client's pending appends are kept in one map for all of them, and disposing of any would reject
 * the appends of every other, though the server may have stored them.
 */
export function openConnection(url: string): Connection {
  guardBatchAppend();
  const client = EventStoreDBClient.connectionString(url);
  const uses = new Set<(() => void) | undefined | symbol>();
  let drained: (() => void) | undefined;
  let closing: Promise<void> | undefined;

  function begin(doing: string, stop?: () => void): Use {
    if (closing !== undefined) throw new StoreUnavailable(doing, new Error('the connection is closed'));
    const entry = stop ?? Symbol(doing);
    uses.add(entry);
    return {
      done: () => {
        uses.delete(entry);
        if (uses.size === 0) drained?.();
      },
    };
  }

  async function drainAndDispose(): Promise<void> {
    for (const entry of uses) if (typeof entry === 'function') entry();
    if (uses.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, DRAIN_MS);
        drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    // It waits for every call to have ended, and one that nobody reads to its end would not.
    // The timer must hold the process: with nothing else to wait for, that would end here, in the middle of whatever awaits this.
    await within(DISPOSE_MS, client.dispose()).catch(() => {});
  }

  return {
    client,
    begin,
    close: () => {
      closing ??= drainAndDispose();
      return closing;
    },
  };
}
