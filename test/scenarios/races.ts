// Races: two commands that cannot both have their way, sent to two processes at the same moment, many times over.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Command, Outcome } from './clients.ts';
import { send } from './clients.ts';
import type { TwoLedgers } from './ledgers.ts';

/** Enough of them that every order of events comes up. */
export const RACES = 1_000;
/** Races run at once, each on accounts of its own. */
const AT_ONCE = 40;

/** Runs the races, so many at once, and expects that processes did meet: both had decided, and one had to decide again. */
export async function runRaces<T>(ledgers: TwoLedgers, run: (race: number) => Promise<T>): Promise<readonly T[]> {
  const conflictsBefore = await conflicts(ledgers);
  const results: T[] = [];
  let next = 0;
  const runner = async (): Promise<void> => {
    for (let race = next++; race < RACES; race = next++) results.push(await run(race));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
  expect(await conflicts(ledgers)).toBeGreaterThan(conflictsBefore);
  return results;
}

/** Appends that found the account written to by another process. */
async function conflicts(ledgers: TwoLedgers): Promise<number> {
  const pages = await Promise.all(ledgers.urls().map(async (url) => (await fetch(`${url}/metrics`)).text()));
  return pages.reduce((sum, page) => sum + Number(/^ledger_append_conflicts_total (\d+)$/m.exec(page)?.[1] ?? Number.NaN), 0);
}

/** The two processes; which of them is asked what changes from race to race. */
export function sidesOf(ledgers: TwoLedgers, race: number): readonly [string, string] {
  const [first, second] = ledgers.urls();
  return race % 2 === 0 ? [first, second] : [second, first];
}

/** Whoever has the shorter way waits at the start, for just so long that either may win. How long, the races tell. */
export interface Handicap {
  /** Waits as long as that side must by now: one of the two not at all. */
  wait(side: 'one' | 'other'): Promise<void>;
  /** Says who has won: from now on the winner starts later. */
  learn(winner: 'one' | 'other'): void;
}

/** What a step grows by with each race, once the same side has won more races than are under way at once. */
const GROWTH = 1.05;
/** On a busy machine seconds may lie between the two. */
const LONGEST_STEP_MS = 50;

/** Nobody waits at first; each race moves the start by so many ms, and by more where that changes nothing. */
export function makeHandicap(firstStepMs: number): Handicap {
  /** The other's wait; where it is negative, the one's. */
  let waitMs = 0;
  let stepMs = firstStepMs;
  let last: 'one' | 'other' | undefined;
  let inARow = 0;
  return {
    async wait(side) {
      const ms = side === 'other' ? waitMs : -waitMs;
      if (ms > 0) await sleep(ms);
    },
    learn(winner) {
      inARow = winner === last ? inARow + 1 : 1;
      last = winner;
      stepMs = inARow > AT_ONCE ? Math.min(stepMs * GROWTH, LONGEST_STEP_MS) : firstStepMs;
      waitMs += winner === 'other' ? stepMs : -stepMs;
    },
  };
}

/** Sends both at the same moment, but for the handicap, to a process each. */
export async function sendBoth(
  [here, there]: readonly [string, string],
  one: Command,
  other: Command,
  handicap?: Handicap,
): Promise<readonly [Outcome, Outcome]> {
  const sendAs = async (side: 'one' | 'other', url: string, command: Command): Promise<Outcome> => {
    await handicap?.wait(side);
    return send(url, command);
  };
  return Promise.all([sendAs('one', here, one), sendAs('other', there, other)]);
}
