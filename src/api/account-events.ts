// The events of an account, a page at a time: read from its stream, since the projections keep outcomes and not events.
import type { RecordedEvent } from '../domain/events.ts';
import { accountStream } from '../domain/events.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Streams } from '../eventstore/streams.ts';
import type { Page, PageRequest, Slice } from '../projections/page.ts';
import { paginate } from '../projections/page.ts';

const REVISION = [/^(0|[1-9][0-9]{0,18})$/];

/**
 * A page of the events up to the revision `last`, newest first. Revisions have no gaps, so a page is a range of them.
 * @throws InvalidCursor, StoreUnavailable
 */
export const accountEvents = (
  streams: Pick<Streams, 'read'>,
  account: { readonly accountId: AccountId; readonly revision: bigint },
  request: PageRequest,
): Promise<Page<RecordedEvent>> =>
  paginate(
    request,
    REVISION,
    ({ revision }) => [String(revision)],
    async (slice) => {
      const { lowest, highest } = rangeOf(slice, account.revision);
      const events = await readRange(streams, accountStream(account.accountId), lowest, highest);
      return slice.walk === 'forwards' ? events.toReversed() : events;
    },
  );

/** The revisions of a slice, both included; none where the lowest is above the highest. */
function rangeOf({ walk, beyond: [edge] = [], limit }: Slice, last: bigint): { lowest: bigint; highest: bigint } {
  const count = BigInt(limit);
  if (walk === 'backwards') {
    const lowest = edge === undefined ? 0n : BigInt(edge) + 1n;
    return { lowest, highest: smaller(last, lowest + count - 1n) };
  }
  const highest = edge === undefined ? last : smaller(last, BigInt(edge) - 1n);
  return { lowest: highest - count + 1n < 0n ? 0n : highest - count + 1n, highest };
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

async function readRange(streams: Pick<Streams, 'read'>, stream: string, lowest: bigint, highest: bigint): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  if (lowest > highest) return events;
  for await (const recorded of streams.read(stream, lowest)) {
    events.push(recorded);
    if (recorded.revision >= highest) break;
  }
  return events;
}
