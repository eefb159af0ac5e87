import type { ReadFrom } from '../codec/read-request.ts';
import { encodeCaughtUp, encodeCheckpoint } from '../codec/read-response.ts';
import { consumerTooSlow, invalidPosition } from '../grpc/errors.ts';
import type { EventFilter } from './event-filter.ts';
import { createPageSize } from './page-size.ts';
import type { ReadContext } from './read.ts';
import { createWakeup } from './wakeup.ts';

export interface SubscriptionFilter {
  readonly matches: EventFilter;
  /** A checkpoint follows every this many considered events. */
  readonly checkpointInterval: number;
}

/**
 * A subscription to `$all` after a position: confirmation, history, CaughtUp, and then what is committed. Live or not, events
 * are read from storage when the subscriber has room for them, so a slow one costs no memory.
 */
export async function subscribeToAll(context: ReadContext, from: ReadFrom, filter: SubscriptionFilter | null): Promise<void> {
  const { log, outlet, present, liveBuffer } = context;
  const end = log.lastPosition();
  if (typeof from === 'number' && from <= end && !log.hasPosition(from)) throw invalidPosition();
  let after = from === 'start' ? 0 : from === 'end' ? end : from;
  const pages = createPageSize();
  const wakeup = createWakeup(log.commits, null, outlet);
  let live = false;
  let blocked = false;
  let considered = 0;
  context.confirm();

  while (!outlet.closed()) {
    const limit = pages.next();
    const page = log.allForwards(after, limit);
    pages.learn(page);
    const mayCutOff = live && liveBuffer !== null && (blocked || wakeup.largestAppend() > liveBuffer);
    let sent = 0;
    for (const event of page) {
      after = event.position;
      if (filter === null || filter.matches(event)) {
        if (mayCutOff && sent === liveBuffer) throw consumerTooSlow();
        sent++;
        if (!outlet.send(present(event))) {
          blocked = true;
          await outlet.drained();
        }
      }
      if (filter !== null && ++considered % filter.checkpointInterval === 0) outlet.send(encodeCheckpoint(event.position));
      if (outlet.closed()) return;
    }
    if (page.length === limit) {
      await new Promise(setImmediate);
      continue;
    }
    if (log.lastPosition() > after && page.length > 0) continue;
    if (!live) outlet.send(encodeCaughtUp());
    live = true;
    blocked = false;
    await wakeup.next();
  }
}
