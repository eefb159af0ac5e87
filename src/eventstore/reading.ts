// One way to go through what the client reads: counted on the connection, with the client's errors brought down to one, and
// left properly however the reader leaves.
import type { StreamingRead } from '@eventstore/db-client';
import { StreamNotFoundError, UnknownError } from '@eventstore/db-client';
import type { Connection } from './connection.ts';
import { StoreUnavailable } from './errors.ts';
import { within } from './within.ts';

/** How servers refuse a position in the log that is no record's. */
const NO_SUCH_POSITION = /InvalidPosition/;

/** A server that says nothing for so long, though its connection stands, has stopped. Whoever waits for it must be told. */
export const SILENCE_MS = 10_000;

/** Whether a read failed because what it was to begin with does not exist. */
export const isAbsence = (error: unknown): boolean =>
  error instanceof StreamNotFoundError || (error instanceof UnknownError && NO_SUCH_POSITION.test(error.message));

/**
 * What `open` reads, to its end or until the caller stops; nothing where the stream or the position does not exist.
 * @throws StoreUnavailable, also where the server falls silent for 10 s
 */
export async function* reading<Resolved>(
  connection: Connection,
  doing: string,
  open: (client: Connection['client']) => StreamingRead<Resolved>,
): AsyncGenerator<Resolved, void, undefined> {
  const use = connection.begin(doing);
  const source = open(connection.client);
  source.on('error', () => {}); // an error that comes after the last event has no other listener
  try {
    // Left alone on return: a destroyed stream would keep the gRPC call behind it waiting to be read, and its connection with it.
    const events = source.iterator({ destroyOnReturn: false });
    for (;;) {
      const next = await within(SILENCE_MS, events.next());
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    if (!isAbsence(error)) throw new StoreUnavailable(doing, error);
  } finally {
    use.done();
    source.cancel().catch(() => {}); // it never began
    source.resume(); // what had arrived already
  }
}
