// The order of an account's commands: as a sequence was handed in, and never against what was acknowledged before.
import type { LogEvent } from '../../scenarios/log.ts';
import type { Attempt, History } from '../history.ts';
import { placed } from './balances.ts';
import { eventOf, eventsByCommand } from './commands.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

interface Placed {
  /** The first with its key. */
  readonly attempt: Attempt;
  /** When it was known to be in the log, by whichever attempt was told first; never: infinite. */
  readonly knownMs: number;
  readonly event: LogEvent;
}

export function checkOrder(history: History, log: readonly LogEvent[]): readonly Violation[] {
  const events = eventsByCommand(history, log);
  const byName = new Map<string, Placed>();
  for (const attempt of history.attempts) {
    const event = eventOf(events, attempt);
    if (event === undefined) continue;
    const name = `${attempt.accountId} ${attempt.key}`;
    // It was sent with its first attempt: at the second it may be in the log already. It is known with the first answer.
    const { attempt: first, knownMs } = byName.get(name) ?? { attempt, knownMs: Number.POSITIVE_INFINITY };
    byName.set(name, { attempt: first, knownMs: Math.min(knownMs, answeredMs(attempt)), event });
  }
  const byAccount = new Map<string, Placed[]>();
  for (const command of byName.values()) {
    const { accountId } = command.attempt;
    byAccount.set(accountId, [...(byAccount.get(accountId) ?? []), command]);
  }
  return [...byAccount.values()].flatMap((commands) => [...sequenceBreaches(commands), ...timeBreaches(commands)]);
}

const answeredMs = ({ outcome: { kind }, endedMs }: Attempt): number =>
  kind === 'applied' || kind === 'refused' ? endedMs : Number.POSITIVE_INFINITY;

/** Of those handed in one after another; one that was given up, and may have been sent late, says nothing. */
function sequenceBreaches(commands: readonly Placed[]): readonly Violation[] {
  const last = new Map<string, LogEvent>();
  return commands.flatMap(({ attempt: { sequence, outcome, key }, event }) => {
    if (sequence === undefined || outcome.kind === 'unknown') return [];
    const before = last.get(sequence);
    last.set(sequence, event);
    if (before === undefined || before.revision < event.revision) return [];
    return [violation('reordered', `"${key}" was handed in after ${placed(before)} and stands before it: ${placed(event)}`)];
  });
}

/** What was sent after another command was acknowledged stands after that one. */
function timeBreaches(commands: readonly Placed[]): readonly Violation[] {
  const sent = commands.toSorted((one, other) => one.attempt.invokedMs - other.attempt.invokedMs);
  const ended = commands.toSorted((one, other) => one.knownMs - other.knownMs);
  let next = 0;
  let latest: Placed | undefined;
  const violations: Violation[] = [];
  for (const { attempt, event } of sent) {
    for (let one = ended[next]; one !== undefined && one.knownMs < attempt.invokedMs; one = ended[next]) {
      next += 1;
      if (latest === undefined || one.event.revision > latest.event.revision) latest = one;
    }
    if (latest !== undefined && latest.event.revision > event.revision)
      violations.push(violation('reordered', `"${attempt.key}" was sent after ${placed(latest.event)} was acknowledged: ${placed(event)}`));
  }
  return violations;
}
