// What the parts of the fold are given: an event of an account with the times that count, and somebody to tell what is wrong.
import type { RecordedEvent, StoredEvent } from '../../domain/events.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { EventPlace } from '../../eventstore/errors.ts';
import type { Finding } from '../findings.ts';
import { findingAt } from '../findings.ts';

/** An event of an account that has an effect. */
export interface Observed<Event = StoredEvent> {
  readonly at: RecordedEvent;
  readonly accountId: AccountId;
  readonly event: Event;
  /** RFC 3339 with milliseconds, whose order as text is the order in time. */
  readonly occurredAt: string;
  /** The ledger's own time: the highest `occurredAt` of the log so far. */
  readonly recordedAt: string;
}

/** Tells what is wrong with an event. */
export type Tell = (at: EventPlace, kind: string, detail: string, figures?: Pick<Finding, 'expected' | 'found'>) => void;

export interface Findings {
  readonly tell: Tell;
  readonly add: (finding: Finding) => void;
  /** The first ones; the rest is only counted, so that a log that is wrong from end to end takes no more memory. */
  readonly list: readonly Finding[];
  count(): number;
}

/** As many findings are kept. */
const MOST = 1_000;

export function makeFindings(): Findings {
  const list: Finding[] = [];
  let count = 0;
  const add = (finding: Finding): void => {
    count += 1;
    if (list.length < MOST) list.push(finding);
  };
  return { add, tell: (at, kind, detail, figures = {}) => add(findingAt(at, { kind, detail, ...figures })), list, count: () => count };
}

export const canonicalTime = (text: string): string => new Date(text).toISOString();

/** Text as Postgres can keep it: it has no U+0000. */
export const keepable = (text: string | undefined): string | null => (text === undefined ? null : text.replaceAll('\0', '\uFFFD'));
