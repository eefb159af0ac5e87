import type { ReadFrom } from '../codec/read-request.ts';
import { encodeCaughtUp } from '../codec/read-response.ts';
import { TOMBSTONE_REVISION } from '../codec/shared-messages.ts';
import { consumerTooSlow, streamDeleted } from '../grpc/errors.ts';
import { isTombstoned, type StreamHead } from '../log/stream-heads.ts';
import { firstVisibleRevision, oldestVisibleMs } from '../log/stream-metadata.ts';
import { createPageSize } from './page-size.ts';
import type { ReadContext } from './read.ts';
import { createWakeup } from './wakeup.ts';

/**
 * A subscription to one stream after a revision. Of a missing or soft-deleted stream CaughtUp is sent only after its first
 * events. When the stream is tombstoned a live subscriber gets `$streamDeleted`, then the error.
 */
export async function subscribeToStream(context: ReadContext, stream: string, from: ReadFrom): Promise<void> {
  const { log, outlet, present, liveBuffer } = context;
  const atStart = log.head(stream);
  if (isTombstoned(atStart) && from !== 'end') throw streamDeleted(stream);
  let after = from === 'start' ? -1 : from === 'end' ? atStart.lastRevision : from;
  const pages = createPageSize();
  const wakeup = createWakeup(log.commits, stream, outlet);
  let live = false;
  let blocked = false;
  context.confirm();

  while (!outlet.closed()) {
    const head = log.head(stream);
    const limit = pages.next();
    const page = readAfter(context, head, after, live, limit);
    pages.learn(page);
    const mayCutOff = live && liveBuffer !== null && (blocked || wakeup.largestAppend() > liveBuffer);
    let sent = 0;
    for (const event of page) {
      if (mayCutOff && sent === liveBuffer) throw consumerTooSlow();
      sent++;
      after = event.revision;
      if (!outlet.send(present(event))) {
        blocked = true;
        await outlet.drained();
      }
      if (after === TOMBSTONE_REVISION) throw streamDeleted(stream);
      if (outlet.closed()) return;
    }
    if (page.length === limit) {
      await new Promise(setImmediate);
      continue;
    }
    if (page.length > 0 && log.head(stream).lastRevision > after) continue;
    if (!live && head.lastRevision >= 0 && !head.metadata.softDeleted) {
      outlet.send(encodeCaughtUp());
      live = true;
    }
    blocked = false;
    await wakeup.next();
  }
}

/** What a live subscriber gets is not subject to `$maxCount` and `$maxAge`: it was visible when it was written. */
function readAfter({ log }: ReadContext, head: StreamHead, after: number, live: boolean, limit: number) {
  const { id, lastRevision, metadata } = head;
  if (id === null || lastRevision <= after || metadata.softDeleted) return [];
  if (live) return log.streamForwards(id, after + 1, lastRevision, 0, limit);
  const from = Math.max(after + 1, firstVisibleRevision(metadata, lastRevision));
  return log.streamForwards(id, from, lastRevision, oldestVisibleMs(metadata), limit);
}
