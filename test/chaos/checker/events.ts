// Integration events: each at least once, saying what the log says; and without those that were told before, in the order of the log.
import { isDeepStrictEqual } from 'node:util';
import type { LogEvent } from '../../scenarios/log.ts';
import type { ToldEvent } from '../event-queue.ts';
import { accountOf, placed } from './balances.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

/** Of accounts' events nobody is told of this one: it changes nothing. */
const UNTOLD = 'fill-repeated';

/** The events of the log that others have to be told of. */
export const toBeTold = (log: readonly LogEvent[]): readonly LogEvent[] =>
  log.filter(({ stream, type }) => stream.startsWith('account-') && type !== UNTOLD);

/** @param told in the order in which one queue had them. */
export function checkEvents(told: readonly ToldEvent[], log: readonly LogEvent[]): readonly Violation[] {
  const expected = new Map(toBeTold(log).map((event) => [event.id, event]));
  const seen = new Set<string>();
  const violations: Violation[] = [];
  let last: LogEvent | undefined;
  for (const message of told) {
    const event = expected.get(message.id);
    if (event === undefined || !isAsInLog(message, event)) {
      const said = event === undefined ? 'which is not in the log' : `and in the log ${placed(event)}`;
      violations.push(violation('event-differs', `${message.type} of ${message.accountId} at ${message.data['position']}, ${said}`));
      continue;
    }
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    if (last !== undefined && event.position < last.position)
      violations.push(violation('event-reordered', `${placed(event)} was told after ${placed(last)}`));
    last = event;
  }
  for (const event of expected.values()) if (!seen.has(event.id)) violations.push(violation('event-untold', placed(event)));
  return violations;
}

const isAsInLog = (message: ToldEvent, event: LogEvent): boolean =>
  message.type === `ledger.account.${event.type}.v1` &&
  message.routingKey === `account.${event.type}` &&
  message.accountId === accountOf(event) &&
  message.time === event.metadata['occurredAt'] &&
  message.data['revision'] === String(event.revision) &&
  message.data['position'] === String(event.position) &&
  message.data['key'] === event.metadata['key'] &&
  // Which version an event is stored in is nobody else's business.
  Object.entries(event.data).every(([name, value]) => name === 'version' || isDeepStrictEqual(message.data[name], value));
