// Carries a step out: waits for its turn, sends it, judges the answer, and asks again where there was none.
import type { LedgerClient, LedgerProducer } from '@ledgerfold/client';
import type { Acknowledged } from './acknowledged.ts';
import type { Answer } from './answers.ts';
import { answerFrom, answerIn, answerOf } from './answers.ts';
import type { Books } from './books.ts';
import type { CommandMaker } from './commands.ts';
import type { Doubts } from './doubts.ts';
import type { Judge, Sent } from './judge.ts';
import { keyOf } from './keys.ts';
import type { Outcome } from './outcomes.ts';
import type { Parts } from './parts.ts';
import type { People } from './people.ts';
import { outcomeOfRead, readAccount } from './reading.ts';
import type { Recorder } from './recorder.ts';
import type { BulkStep, CommandStep, Step } from './steps.ts';
import type { Strands, Turn } from './strands.ts';

export interface PerformerOptions {
  readonly run: string;
  readonly people: People;
  readonly operator: LedgerClient;
  /** Where there is a broker to send to. */
  readonly producer: LedgerProducer | undefined;
  readonly books: Books;
  readonly acknowledged: Acknowledged;
  readonly judge: Judge;
  readonly commandOf: CommandMaker;
  readonly doubts: Doubts;
  readonly strands: Strands;
  readonly recorder: Recorder;
  readonly parts: Pick<Parts, 'ended'>;
  readonly now: () => number;
}

export interface Performer {
  /** @param dueAt from when its latency counts. */
  perform(step: Step, dueAt: number): Promise<void>;
  notSent(step: Step): void;
  /** How many steps wait for what they build on. */
  waiting(): number;
  /** Settles when everything is known of what was sent. */
  settled(): Promise<void>;
}

/** What one step sends: one command or several, in one request. */
interface Sending {
  readonly sents: readonly Sent[];
  attempt(): Promise<readonly Answer[]>;
}

export function makePerformer(options: PerformerOptions): Performer {
  const { run, people, operator, producer, books, acknowledged, judge, commandOf, doubts, strands, recorder, parts, now } = options;
  /** What goes on after a step has ended. */
  const following = new Set<Promise<void>>();
  let waiting = 0;

  function single(step: CommandStep, { state }: Turn): Sending {
    const { account, action, sender, expects, isForBroker } = step;
    const name = { number: step.key, entry: 0 };
    const command = commandOf(account, action, name, state.itemId);
    const key = keyOf(run, name);
    const client = sender === 'operator' ? operator : people.session(sender);
    const viaBroker = isForBroker ? producer : undefined;
    const attempt = async (): Promise<readonly Answer[]> => [
      await answerFrom(
        viaBroker === undefined
          ? client.send(command, { key, dryRun: expects.outcome === 'would-apply' })
          : viaBroker.send(command, { key }),
      ),
    ];
    return { sents: [{ command, name, expects, state, wasDoubted: false }], attempt };
  }

  function bulk({ number, commands }: BulkStep): Sending {
    const sents = commands.map(({ account, action }, entry): Sent => {
      const name = { number, entry };
      return { command: commandOf(account, action, name, undefined), name, expects: { outcome: 'applied' }, state: {}, wasDoubted: false };
    });
    const keyed = sents.map(({ command, name }) => ({ ...command, key: keyOf(run, name) }));
    const attempt = async (): Promise<readonly Answer[]> => {
      try {
        const results = await operator.sendAll(keyed);
        return results.map((result): Answer => {
          if ('applied' in result) return { status: 'applied', applied: { hit: false, ...result.applied } };
          return 'problem' in result ? answerOf(result.problem) : { status: 'unknown', reason: 'it stayed pending' };
        });
      } catch (error) {
        const answer = answerIn(error);
        return sents.map(() => answer);
      }
    };
    return { sents, attempt };
  }

  /** The worst of several outcomes: what a request is that had them all. */
  function worstOf(outcomes: readonly Outcome[]): Outcome {
    const order = ['unexpected', 'unknown', 'overloaded'] as const;
    for (const name of order) {
      const found = outcomes.find((outcome) => outcome.name === name);
      if (found !== undefined) return found;
    }
    return outcomes[0] ?? { name: 'ok' };
  }

  /** Judges each answer but those that say nothing yet. */
  function judged(sents: readonly Sent[], answers: readonly Answer[]): Outcome {
    return worstOf(
      sents.map((sent, at) => judge(sent, answers[at] ?? { status: 'unknown', reason: 'there was no answer to one of several commands' })),
    );
  }

  /** Asks until the outcome is known, books it, and lets the strand go on. */
  async function resolve({ sents, attempt }: Sending, first: readonly Answer[], turn: Turn): Promise<void> {
    const open = sents.filter((_, at) => (first[at]?.status ?? 'unknown') === 'unknown');
    const answers = await doubts.resolve(async () => {
      const again = await attempt();
      return sents.flatMap((sent, at) => (open.includes(sent) ? [again[at] ?? { status: 'unknown', reason: 'no answer' }] : []));
    });
    const outcomes = open.map((sent, at) => {
      const answer = answers[at];
      if (answer?.status === 'applied' || answer?.status === 'refused') return judge({ ...sent, wasDoubted: true }, answer);
      acknowledged.leftOpen(sent.name);
      return { name: 'unexpected', detail: `what became of ${keyOf(run, sent.name)} is not known to this day` } as const;
    });
    const worst = worstOf(outcomes);
    if (worst.name !== 'ok') recorder.trouble('afterwards', worst.detail ?? worst.name);
    turn.leave(worst.name === 'ok' ? 'whole' : 'broken');
  }

  /** A read that must see what was just written: how long that took from when it was to be written. */
  async function watch({ account, action }: CommandStep, dueAt: number): Promise<void> {
    const accountId = people.account(account);
    const minPosition = books.of(accountId).lastPosition();
    const asset = 'asset' in action ? action.asset : 'BTC';
    const outcome = await outcomeOfRead(minPosition, async () => (await operator.getBalance(accountId, asset, { minPosition })).position);
    recorder.beside('visible', outcome, now() - dueAt);
  }
  function follow(watching: Promise<void>): void {
    const followed = watching
      .catch((error: unknown) => recorder.trouble('afterwards', String(error)))
      .finally(() => following.delete(followed));
    following.add(followed);
  }

  async function send(step: CommandStep | BulkStep, turn: Turn, dueAt: number): Promise<Outcome> {
    const sending = step.what === 'bulk' ? bulk(step) : single(step, turn);
    const answers = await sending.attempt();
    const outcome = judged(sending.sents, answers);
    if (outcome.name === 'unknown' && mayBeStored(step)) {
      follow(resolve(sending, answers, turn));
    } else {
      turn.leave(outcome.name === 'ok' ? 'whole' : 'broken');
    }
    if (step.what === 'command' && step.isWatched && outcome.name === 'ok') follow(watch(step, dueAt));
    return outcome;
  }

  async function outcomeOf(step: Step, dueAt: number, onSending: () => void): Promise<Outcome> {
    if (step.what === 'read') return readAccount(step, { people, books });
    waiting += 1;
    const turn = await strands.enter(step).finally(() => {
      waiting -= 1;
    });
    if (turn === undefined) return { name: 'skipped' };
    onSending();
    try {
      return await send(step, turn, dueAt);
    } catch (error) {
      turn.leave('broken');
      throw error;
    }
  }

  return {
    async perform(step, dueAt) {
      let sentAt = now();
      const ended = (outcome: Outcome): void => parts.ended(step, outcome, now() - dueAt, now() - sentAt);
      try {
        ended(
          await outcomeOf(step, dueAt, () => {
            sentAt = now();
          }),
        );
      } catch (error) {
        // A defect of this client: it is no less an error for that.
        ended({ name: 'unexpected', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    },
    notSent(step) {
      strands.abandon(step);
      parts.ended(step, { name: 'not-sent' }, 0, 0);
    },
    waiting: () => waiting,
    async settled() {
      await Promise.all(following);
    },
  };
}

/** Whether an attempt at the step may have left something in the log. */
const mayBeStored = (step: CommandStep | BulkStep): boolean => step.what === 'bulk' || step.expects.outcome !== 'would-apply';
