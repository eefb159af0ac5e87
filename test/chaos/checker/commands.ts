// Every acknowledged command once, every unanswered one at most once, refused ones not at all; and each as it was answered.
import type { LogEvent } from '../../scenarios/log.ts';
import type { Attempt, History, ToldBalance } from '../history.ts';
import { isAsAsked } from './as-asked.ts';
import { accountOf, placed } from './balances.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

/** Keys of what the ledger does by itself. */
const isInternal = (key: string): boolean => key.startsWith('sys:');
const nameOf = (accountId: string, key: string): string => `${accountId} ${key}`;

/** The events of the history's accounts by command, without those of the ledger's own commands. */
export function eventsByCommand({ accounts }: History, log: readonly LogEvent[]): ReadonlyMap<string, readonly LogEvent[]> {
  const ours = new Set(accounts);
  const found = new Map<string, LogEvent[]>();
  for (const event of log) {
    const key = String(event.metadata['key']);
    if (!event.stream.startsWith('account-') || !ours.has(accountOf(event)) || isInternal(key)) continue;
    const name = nameOf(accountOf(event), key);
    found.set(name, [...(found.get(name) ?? []), event]);
  }
  return found;
}

/** What became of a command in the log. */
export const eventOf = (events: ReadonlyMap<string, readonly LogEvent[]>, { accountId, key }: Attempt): LogEvent | undefined =>
  events.get(nameOf(accountId, key))?.[0];

export function checkCommands(history: History, log: readonly LogEvent[]): readonly Violation[] {
  const events = eventsByCommand(history, log);
  const attempts = new Map<string, Attempt[]>();
  for (const attempt of history.attempts) {
    const name = nameOf(attempt.accountId, attempt.key);
    attempts.set(name, [...(attempts.get(name) ?? []), attempt]);
  }
  const violations: Violation[] = [];
  for (const [name, found] of events) {
    const [first] = found;
    if (found.length > 1) violations.push(violation('applied-twice', `${name}: ${found.map(placed).join(', ')}`));
    const [asked] = attempts.get(name) ?? [];
    if (first !== undefined && asked !== undefined && !isAsAsked(asked, first))
      violations.push(
        violation('not-as-asked', `${asked.type} ${JSON.stringify(asked.asks)}: ${placed(first)} ${JSON.stringify(first.data)}`),
      );
    if (first !== undefined && asked === undefined) violations.push(violation('never-asked', placed(first)));
  }
  for (const [name, sent] of attempts) {
    const event = events.get(name)?.[0];
    violations.push(...sent.flatMap((attempt) => judge(attempt, event)));
    const isNever = sent.every(({ outcome }) => outcome.kind === 'never-applied');
    if (isNever && event !== undefined)
      violations.push(
        violation('refused-but-applied', `${name} was never to be applied (${sent.map(shown).join(', ')}): ${placed(event)}`),
      );
  }
  return violations;
}

const shown = ({ outcome, invokedMs, endedMs }: Attempt): string =>
  `${'code' in outcome ? outcome.code : outcome.kind} after ${Math.round(endedMs - invokedMs)} ms`;

function judge({ accountId, key, type, outcome }: Attempt, event: LogEvent | undefined): readonly Violation[] {
  const said = `${type} "${key}" to ${accountId}, ${outcome.kind}`;
  switch (outcome.kind) {
    case 'unknown':
    case 'never-applied': // of one attempt: others with the key may have been applied
      return [];
    case 'strange':
      return [violation('strange-answer', `${said}: ${outcome.code}`)];
    case 'taken':
      return event === undefined ? [violation('acknowledged-lost', said)] : [];
    case 'refused':
    case 'applied': {
      if (event === undefined) return [violation('acknowledged-lost', `${said} at revision ${outcome.revision}`)];
      const isApplied = event.type !== 'command-rejected';
      if (isApplied && outcome.kind === 'refused') return [violation('refused-but-applied', `${said} (${outcome.code}): ${placed(event)}`)];
      const isRight =
        isApplied === (outcome.kind === 'applied') &&
        event.revision === outcome.revision &&
        event.position <= outcome.position &&
        (outcome.kind === 'applied' ? isSaid(event, outcome.balances) : event.data['code'] === outcome.code);
      return isRight
        ? []
        : [violation('answer-differs', `${said} at ${outcome.revision} (position ${outcome.position}): ${placed(event)}`)];
    }
    default:
      return outcome satisfies never;
  }
}

/** Whether the event says these balances, in whatever order. */
function isSaid({ data }: LogEvent, balances: readonly ToldBalance[]): boolean {
  const lines = (told: readonly ToldBalance[]): string =>
    told
      .map(({ asset, available, held }) => `${asset} ${available} ${held}`)
      .sort()
      .join();
  const said = data['balances'];
  return lines(balances) === lines(Array.isArray(said) ? said : []);
}
