import { encodeReadEvent } from '../codec/read-response.ts';
import { dataOfRecord, withStructuredId } from '../codec/recorded-event.ts';
import type { EventLog } from '../log/event-log.ts';
import type { StoredEvent } from '../log/event-table.ts';
import { isTombstoned } from '../log/stream-heads.ts';
import { firstVisibleRevision, oldestVisibleMs } from '../log/stream-metadata.ts';

/** Turns a stored event into the ReadResp for one client. */
export type Presenter = (event: StoredEvent) => Buffer;

export interface PresenterOptions {
  readonly resolveLinks: boolean;
  readonly uuids: 'string' | 'structured';
}

const LINK_TYPE = '$>';
/** `revision@stream` */
const LINK_TARGET = /^(\d{1,15})@(.+)$/s;

/**
 * With `resolveLinks` the event of a link is its target, and the link comes beside it. A target that is gone leaves the
 * link alone; data that is not a link's leaves an ordinary event.
 */
export function createPresenter(log: EventLog, { resolveLinks, uuids }: PresenterOptions): Presenter {
  const show = uuids === 'structured' ? withStructuredId : (record: Buffer): Buffer => record;
  return (event) => {
    const link = resolveLinks && event.type === LINK_TYPE ? LINK_TARGET.exec(dataOfRecord(event.record).toString('utf8')) : null;
    if (link === null) return encodeReadEvent(show(event.record), null, event.position);
    const [, revision = '', stream = ''] = link;
    const target = findVisible(log, stream, Number(revision));
    return encodeReadEvent(target === null ? null : show(target.record), show(event.record), event.position);
  };
}

function findVisible(log: EventLog, stream: string, revision: number): StoredEvent | null {
  const head = log.head(stream);
  if (head.id === null || isTombstoned(head) || head.metadata.softDeleted) return null;
  if (revision > head.lastRevision || revision < firstVisibleRevision(head.metadata, head.lastRevision)) return null;
  const event = log.eventAt(head.id, revision);
  return event === null || event.createdMs < oldestVisibleMs(head.metadata) ? null : event;
}
