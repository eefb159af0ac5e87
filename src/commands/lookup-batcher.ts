// Many look-ups, one statement: whatever is asked while a statement runs goes into the next one.
import { within } from '../eventstore/within.ts';

export interface LookupBatcherOptions<Question, Answer> {
  /** Answers all questions in one statement, in their order. */
  readonly askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  /** The most questions in one statement. */
  readonly maxBatch: number;
  /** The most statements under way at once. */
  readonly maxConcurrent: number;
  /** How long a statement may take before its questions fail; a database that hangs must not hold commands for ever. */
  readonly giveUpMs: number;
}

interface Waiting<Question, Answer> {
  readonly question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** A function that answers one question; a failed statement fails every question in it. */
export function makeLookupBatcher<Question, Answer>(
  options: LookupBatcherOptions<Question, Answer>,
): (question: Question) => Promise<Answer> {
  const { askAll, maxBatch, maxConcurrent, giveUpMs } = options;
  let waiting: Waiting<Question, Answer>[] = [];
  let running = 0;
  let scheduled = false;

  const start = (): void => {
    scheduled = false;
    while (waiting.length > 0 && running < maxConcurrent) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      running += 1;
      void answer(batch);
    }
  };
  const answer = async (batch: readonly Waiting<Question, Answer>[]): Promise<void> => {
    try {
      const answers = await within(giveUpMs, askAll(batch.map(({ question }) => question)));
      batch.forEach(({ resolve, reject }, index) => {
        const found = answers[index];
        if (found === undefined) reject(new Error('a look-up came back without an answer'));
        else resolve(found);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      running -= 1;
      start();
    }
  };

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject });
      if (scheduled) return;
      scheduled = true;
      setImmediate(start);
    });
}
