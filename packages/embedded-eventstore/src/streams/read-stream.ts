import { status } from '@grpc/grpc-js';
import type { ReadFrom } from '../codec/read-request.ts';
import { encodeFirstStreamPosition, encodeLastStreamPosition, encodeStreamNotFound } from '../codec/read-response.ts';
import { CallError, streamDeleted } from '../grpc/errors.ts';
import { isTombstoned } from '../log/stream-heads.ts';
import { firstVisibleRevision, oldestVisibleMs } from '../log/stream-metadata.ts';
import { createPageSize } from './page-size.ts';
import type { ReadContext } from './read.ts';

export interface ReadStreamOptions {
  readonly stream: string;
  readonly from: ReadFrom;
  readonly backwards: boolean;
  readonly count: number;
  /** 1 and above: the first and last revision of the stream are sent along. */
  readonly compatibility: number;
}

/**
 * Reads the visible events of a stream once. A stream that is missing or soft-deleted is told by a message, one that is
 * tombstoned by an error.
 */
export async function readStream({ log, outlet, present }: ReadContext, options: ReadStreamOptions): Promise<void> {
  const { stream, from, backwards, count, compatibility } = options;
  const head = log.head(stream);
  const { id, lastRevision, metadata } = head;
  if (isTombstoned(head)) throw streamDeleted(stream);
  if (!backwards && from === 'end') throw new CallError(status.UNKNOWN, 'a stream cannot be read forwards from its end');
  if (id === null || lastRevision < 0 || metadata.softDeleted) {
    outlet.send(encodeStreamNotFound(stream));
    return;
  }
  const pages = createPageSize();
  const sinceMs = oldestVisibleMs(metadata);
  const first = firstVisibleRevision(metadata, lastRevision);
  const requested = from === 'start' ? 0 : from === 'end' ? lastRevision : from;
  let at = backwards ? Math.min(requested, lastRevision) : Math.max(requested, first);
  let announceFirst = compatibility >= 1 && !backwards;
  for (let sent = 0; sent < count && !outlet.closed(); ) {
    const limit = Math.min(pages.next(), count - sent);
    const page = backwards ? log.streamBackwards(id, at, first, sinceMs, limit) : log.streamForwards(id, at, lastRevision, sinceMs, limit);
    pages.learn(page);
    if (announceFirst) {
      const firstRead = page[0]?.revision ?? lastRevision + 1;
      if (firstRead !== requested) outlet.send(encodeFirstStreamPosition(firstRead));
      announceFirst = false;
    }
    for (const event of page) {
      if (!outlet.send(present(event))) await outlet.drained();
      if (outlet.closed()) return;
      at = backwards ? event.revision - 1 : event.revision + 1;
      sent++;
    }
    if (page.length < limit) break;
    await new Promise(setImmediate);
  }
  if (compatibility >= 1) outlet.send(encodeLastStreamPosition(lastRevision));
}
