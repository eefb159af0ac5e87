// Lanes: what a consumer has in hand of each account, in the order of delivery. What has no outcome yet is kept and tried again,
// and nothing of its account overtakes it; other accounts go on.
import type { CommandSequence } from '../commands/sequence.ts';
import { newSequence } from '../commands/sequence.ts';

export interface AccountLanesOptions<Item, Verdict> {
  /** Hands an item to whoever decides. Undefined: there is no outcome yet. Items of a broken sequence must not be decided. */
  readonly decide: (item: Item, sequence: CommandSequence) => Promise<Verdict | undefined>;
  /**
   * Does what follows from the verdict, one item of an account after another: so dead letters lie in the order of their commands,
   * in which they are sent again. Where it rejects, it is tried again, and the item is not decided again.
   */
  readonly settle: (item: Item, verdict: Verdict) => Promise<void>;
  /** Told why a verdict was not settled, or not made. */
  readonly onError: (error: unknown) => void;
}

export interface AccountLanes<Item> {
  /** Takes an item behind those of its account, and hands it on unless one before it waits. */
  take(account: string, item: Item): void;
  /** How long the oldest item that is not settled has been here, in ms. */
  oldestMs(): number;
  /**
   * Hands nothing on any more; what was handed on and not yet sent to the store is turned away. Resolves when nothing is under
   * way: what is not settled by then was not decided, or is decided and not told, and finds its outcome when it comes again.
   */
  stop(): Promise<void>;
}

interface Entry<Item> {
  readonly item: Item;
  readonly takenAtMs: number;
}
interface Lane<Item> {
  /** What is not settled, in order. */
  readonly entries: Entry<Item>[];
  sequence: CommandSequence;
  /** Whether the item handed on last was settled, once that is known. */
  last: Promise<boolean>;
  underWay: number;
  pauseMs: number;
  retry: NodeJS.Timeout | undefined;
}

const FIRST_PAUSE_MS = 100;
/** A store that comes back finds its commands within two seconds. */
const LAST_PAUSE_MS = 2000;
/** Nothing has been handed on yet. */
const afresh = (): Pick<Lane<never>, 'sequence' | 'last'> => ({ sequence: newSequence(), last: Promise.resolve(true) });
const withJitter = (ms: number): number => ms * (0.75 + Math.random() / 2);

export function makeAccountLanes<Item, Verdict>({ decide, settle, onError }: AccountLanesOptions<Item, Verdict>): AccountLanes<Item> {
  const lanes = new Map<string, Lane<Item>>();
  let isStopped = false;
  let underWay = 0;
  let onIdle: (() => void)[] = [];

  function hand(account: string, lane: Lane<Item>, entry: Entry<Item>): void {
    lane.underWay += 1;
    underWay += 1;
    lane.last = work(lane, entry, lane.last)
      .catch((error) => {
        lane.sequence.isBroken = true;
        onError(error);
        return false;
      })
      .finally(() => {
        lane.underWay -= 1;
        underWay -= 1;
        if (lane.underWay === 0) goOn(account, lane);
        if (underWay > 0) return;
        for (const resolve of onIdle) resolve();
        onIdle = [];
      });
  }

  /** @returns whether the item is settled */
  async function work(lane: Lane<Item>, entry: Entry<Item>, before: Promise<boolean>): Promise<boolean> {
    const { sequence } = lane;
    const verdict = await decide(entry.item, sequence);
    if (verdict === undefined || !(await before)) {
      sequence.isBroken = true;
      return false;
    }
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
      try {
        await settle(entry.item, verdict);
        break;
      } catch (error) {
        onError(error);
        if (isStopped) return false;
        await new Promise((resolve) => setTimeout(resolve, withJitter(pauseMs)));
      }
    }
    lane.entries.splice(lane.entries.indexOf(entry), 1);
    lane.pauseMs = FIRST_PAUSE_MS;
    return true;
  }

  /** All that was handed on has come back: what is left waits a little and is then handed on again, in order. */
  function goOn(account: string, lane: Lane<Item>): void {
    if (lane.entries.length === 0) {
      lanes.delete(account);
      return;
    }
    if (isStopped || lane.retry !== undefined) return;
    lane.retry = setTimeout(() => {
      lane.retry = undefined;
      Object.assign(lane, afresh());
      for (const entry of [...lane.entries]) hand(account, lane, entry);
    }, withJitter(lane.pauseMs));
    lane.pauseMs = Math.min(2 * lane.pauseMs, LAST_PAUSE_MS);
  }

  return {
    take(account, item) {
      if (isStopped) return;
      const lane = lanes.get(account) ?? { entries: [], ...afresh(), underWay: 0, pauseMs: FIRST_PAUSE_MS, retry: undefined };
      lanes.set(account, lane);
      const entry = { item, takenAtMs: performance.now() };
      lane.entries.push(entry);
      if (!lane.sequence.isBroken) hand(account, lane, entry);
    },
    oldestMs() {
      const now = performance.now();
      return Math.max(0, ...[...lanes.values()].flatMap(({ entries }) => entries.slice(0, 1).map(({ takenAtMs }) => now - takenAtMs)));
    },
    stop() {
      isStopped = true;
      for (const lane of lanes.values()) {
        lane.sequence.isBroken = true;
        clearTimeout(lane.retry);
      }
      return underWay === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve));
    },
  };
}
