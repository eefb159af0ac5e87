// Clients that use a ledger at once, over REST and as producers, and write down all that they ask for and are told.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command, LedgerClient, LedgerProducer } from '@ledgerfold/client';
import { createLedgerClient, createLedgerProducer, LedgerProblem, LedgerUnreachable } from '@ledgerfold/client';
import type { Chance } from '../../packages/load/src/chance.ts';
import { makeChance } from '../../packages/load/src/chance.ts';
import type { World } from './commands.ts';
import { learn, nextCommand } from './commands.ts';
import type { Outcome, Recorder } from './history.ts';
import { appliedOutcome, failedOutcome } from './outcomes.ts';

export interface WorkloadOptions {
  readonly seed: string;
  /** Of both ledgers. */
  readonly urls: readonly [string, string];
  /** Absent: nobody produces. */
  readonly producerUrl: string | undefined;
  readonly token: string;
  readonly recorder: Recorder;
  readonly world: World;
  readonly isOver: () => boolean;
}

/** A client gives up an attempt before the ledger has: so doubts arise. */
const ATTEMPT_MS = 1_500;
const DEADLINE_MS = 4_000;
const CLIENTS = 8;
const LONGEST_PAUSE_MS = 25;
const IN_SEQUENCE = 4;

export async function runWorkload(options: WorkloadOptions): Promise<void> {
  const { producerUrl } = options;
  const clients = Array.from({ length: CLIENTS }, (_, n) => n).map((n) => runClient(`client-${n}`, { ...options, retries: n % 2 === 1 }));
  await Promise.all([...clients, ...(producerUrl === undefined ? [] : [runProducer('producer', { ...options, producerUrl })])]);
}

async function runClient(
  client: string,
  { seed, urls, token, recorder, world, isOver, retries }: WorkloadOptions & { readonly retries: boolean },
) {
  const chance = makeChance(`${seed} ${client}`);
  const ledgers = urls.map((url) => createLedgerClient({ url, token, retries, attemptTimeoutMs: ATTEMPT_MS, deadlineMs: DEADLINE_MS }));
  let seen = 0n;
  let count = 0;
  const saw = (outcome: Outcome): Outcome => {
    if ('position' in outcome && outcome.position > seen) seen = outcome.position;
    return outcome;
  };

  async function send(ledger: LedgerClient, command: Command, key: string): Promise<Outcome> {
    const end = recorder.invoke({ client, key, ...askedBy(command) });
    let outcome: Outcome;
    try {
      const applied = await ledger.send(command, { key });
      learn(world, command, applied);
      outcome = appliedOutcome(applied);
    } catch (error) {
      outcome = failedOutcome(error, !retries);
    }
    end(outcome);
    return saw(outcome);
  }

  /** Several to one account in one request, in their order. */
  async function sendSequence(ledger: LedgerClient, sequence: string): Promise<void> {
    const first = nextCommand(chance, world);
    const isShop = world.shops.includes(first.accountId);
    const commands = Array.from({ length: IN_SEQUENCE }, (_, n) => ({
      ...(isShop && n > 0 ? { ...deposit(chance), accountId: first.accountId } : first),
      key: `${sequence} ${n}`,
    }));
    const ends = commands.map(({ key, ...command }) => recorder.invoke({ client, key, ...askedBy(command), sequence }));
    try {
      const results = await ledger.sendAll(commands);
      for (const [n, result] of results.entries()) {
        const outcome: Outcome =
          'applied' in result
            ? appliedOutcome(result.applied)
            : 'problem' in result
              ? failedOutcome(result.problem, !retries)
              : { kind: 'taken' };
        ends[n]?.(saw(outcome));
      }
    } catch (error) {
      const outcome = failedOutcome(error, !retries);
      for (const end of ends) end(outcome);
    }
  }

  async function read(ledger: LedgerClient): Promise<void> {
    const accountId = recorder.accounts[chance.below(recorder.accounts.length)] ?? '';
    const asset = chance.percent(80) ? 'USD' : 'BTC';
    const minPosition = chance.percent(70) ? seen : undefined;
    const invokedMs = recorder.now();
    try {
      const { position, ...balance } = await ledger.getBalance(
        accountId,
        asset,
        minPosition === undefined ? {} : { minPosition: String(minPosition) },
      );
      recorder.read({ client, accountId, asset, minPosition, invokedMs, endedMs: recorder.now(), balance, position: BigInt(position) });
      if (BigInt(position) > seen) seen = BigInt(position);
    } catch (error) {
      if (!(error instanceof LedgerProblem) && !(error instanceof LedgerUnreachable)) throw error;
    }
  }

  while (!isOver()) {
    const which = chance.below(2);
    const [ledger, other] = [ledgers[which], ledgers[1 - which]];
    if (ledger === undefined || other === undefined) throw new RangeError('there are two ledgers');
    const drawn = chance.below(100);
    if (drawn < 30) await read(ledger);
    else if (drawn < 36) await sendSequence(ledger, `${seed} ${client} ${count++}`);
    else {
      const [command, key] = [nextCommand(chance, world), `${seed} ${client} ${count++}`];
      let outcome = await send(ledger, command, key);
      // Some learn what became of it, some never ask again.
      for (let turn = 0; turn < 3 && outcome.kind === 'unknown' && chance.percent(70); turn += 1)
        outcome = await send(turn % 2 === 0 ? other : ledger, command, key);
      // And some are told twice.
      if (outcome.kind === 'applied' && chance.percent(5)) await send(other, command, key);
    }
    await sleep(chance.below(LONGEST_PAUSE_MS));
  }
}

const askedBy = ({ accountId, type, ...asks }: Command) => ({ accountId, type, asks });

const deposit = (chance: Chance) => ({ type: 'deposit' as const, asset: 'USD', amount: `0.${10 + chance.below(90)}` });

/** Hands commands in without waiting for those before, and keeps their order. */
async function runProducer(client: string, options: WorkloadOptions & { readonly producerUrl: string }): Promise<void> {
  const { seed, producerUrl, recorder, world, isOver } = options;
  const chance = makeChance(`${seed} ${client}`);
  const producer: LedgerProducer = createLedgerProducer({ amqpUrl: producerUrl, deadlineMs: DEADLINE_MS, onTrouble: () => undefined });
  const underWay = new Set<Promise<void>>();

  const remember = ({ type, ...body }: Command, key: string): void =>
    void recorder.messages.push({ accountId: body.accountId, key, type, body });

  async function produce(command: Command, key: string): Promise<void> {
    const end = recorder.invoke({ client, key, ...askedBy(command), sequence: client });
    try {
      if (chance.percent(30)) {
        await producer.publish(command, { key });
        end({ kind: 'taken' });
        remember(command, key);
        return;
      }
      const applied = await producer.send(command, { key });
      learn(world, command, applied);
      end(appliedOutcome(applied));
      remember(command, key);
    } catch (error) {
      end(failedOutcome(error, false));
    }
  }

  for (let n = 0; !isOver(); n += 1) {
    // A producer may do what the money comes and goes by, and no more.
    const command = nextCommand(chance, world);
    if (command.type === 'deposit' || command.type === 'withdraw' || command.type === 'transfer' || command.type === 'fill-order') {
      const sending: Promise<void> = produce(command, `${seed} ${client} ${n}`).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
    if (underWay.size >= 8) await Promise.race(underWay);
    await sleep(chance.below(LONGEST_PAUSE_MS));
  }
  await Promise.all(underWay);
  await producer.close();
}
