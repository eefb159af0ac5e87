import type { ReadFrom } from '../codec/read-request.ts';
import { invalidPosition } from '../grpc/errors.ts';
import type { EventLog } from '../log/event-log.ts';
import type { StoredEvent } from '../log/event-table.ts';
import type { EventFilter } from './event-filter.ts';
import { createPageSize } from './page-size.ts';
import type { ReadContext } from './read.ts';

export interface ReadAllOptions {
  readonly from: ReadFrom;
  readonly backwards: boolean;
  readonly count: number;
  readonly matches: EventFilter | null;
}

/** Reads `$all` once: forwards from the given position on, backwards from before it. Ends at what was newest when it began. */
export async function readAll({ log, outlet, present }: ReadContext, options: ReadAllOptions): Promise<void> {
  const { backwards, count, matches } = options;
  const pages = createPageSize();
  const end = log.lastPosition();
  let at = startingPosition(log, options);
  for (let sent = 0; sent < count && !outlet.closed(); ) {
    const limit = matches === null ? Math.min(pages.next(), count - sent) : pages.next();
    const page: StoredEvent[] = backwards ? log.allBackwards(at, limit) : log.allForwards(at, limit);
    pages.learn(page);
    for (const event of page) {
      if (event.position > end) return;
      at = event.position;
      if (matches !== null && !matches(event)) continue;
      if (!outlet.send(present(event))) await outlet.drained();
      if (++sent === count || outlet.closed()) return;
    }
    if (page.length < limit) return;
    await new Promise(setImmediate);
  }
}

/** Forwards: events above it are read. Backwards: those below it. */
function startingPosition(log: EventLog, { from, backwards }: ReadAllOptions): number {
  const end = log.lastPosition();
  if (from === 'start') return 0;
  if (from === 'end') return backwards ? end + 1 : end;
  if (!log.hasPosition(from)) throw invalidPosition();
  return backwards ? from : from - 1;
}
