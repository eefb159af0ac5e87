// What clients asked for and were told, as they saw it: the checker believes nothing else of them.

/** A balance as it was told: decimal strings. */
export interface ToldBalance {
  readonly asset: string;
  readonly available: string;
  readonly held: string;
}

export type Outcome =
  | { readonly kind: 'applied'; readonly revision: bigint; readonly position: bigint; readonly balances: readonly ToldBalance[] }
  /** Refused for good, and the refusal is stored. */
  | { readonly kind: 'refused'; readonly code: string; readonly revision: bigint; readonly position: bigint }
  /** "Not applied and never will be." */
  | { readonly kind: 'never-applied'; readonly code: string }
  /** Not decided yet, but safe: it will be. */
  | { readonly kind: 'taken' }
  /** No answer, or one that says that nobody knows. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** An answer that no fault explains. */
  | { readonly kind: 'strange'; readonly code: string };

/** A command sent once; the same command with the same key may be sent again, by anybody. */
export interface Asked {
  readonly client: string;
  readonly accountId: string;
  readonly key: string;
  readonly type: string;
  /** What else the command says. */
  readonly asks: Readonly<Record<string, unknown>>;
  /** Those of one sequence, to one account, are to be decided in the order in which they were handed in. */
  readonly sequence?: string;
}
export interface Attempt extends Asked {
  /** By one clock, in ms. */
  readonly invokedMs: number;
  readonly endedMs: number;
  readonly outcome: Outcome;
}

export interface Read {
  readonly client: string;
  readonly accountId: string;
  readonly asset: string;
  readonly minPosition: bigint | undefined;
  readonly invokedMs: number;
  readonly endedMs: number;
  readonly balance: ToldBalance;
  readonly position: bigint;
}

export interface History {
  /** In the order in which they were handed in. */
  readonly attempts: readonly Attempt[];
  /** Those that were answered. */
  readonly reads: readonly Read[];
  /** All the accounts that were opened for it. */
  readonly accounts: readonly string[];
  /** Between these money is sent and held, and from nowhere else does it come once they have what they were opened with. */
  readonly bank: readonly string[];
}

/** A message as a producer has handed it in. */
export interface SentMessage {
  readonly accountId: string;
  readonly key: string;
  readonly type: string;
  readonly body: object;
}

export interface Recorder {
  /** Those that the broker has, or had for a moment, in their order. */
  readonly messages: SentMessage[];
  readonly accounts: string[];
  readonly bank: string[];
  /** A command is handed in. @returns what to call with its outcome */
  invoke(asked: Asked): (outcome: Outcome) => void;
  read(read: Read): void;
  now(): number;
  /** Everything so far; what has no outcome yet is unknown. */
  history(): History;
}

export function makeRecorder(): Recorder {
  const attempts: { asked: Asked; invokedMs: number; endedMs: number; outcome: Outcome }[] = [];
  const reads: Read[] = [];
  const accounts: string[] = [];
  const bank: string[] = [];
  const messages: SentMessage[] = [];
  const now = (): number => performance.now();
  return {
    accounts,
    bank,
    messages,
    now,
    invoke(asked) {
      const attempt = {
        asked,
        invokedMs: now(),
        endedMs: Number.POSITIVE_INFINITY,
        outcome: { kind: 'unknown', why: 'no answer' } as Outcome,
      };
      attempts.push(attempt);
      return (outcome) => {
        attempt.endedMs = now();
        attempt.outcome = outcome;
      };
    },
    read: (read) => void reads.push(read),
    history: () => ({ attempts: attempts.map(({ asked, ...rest }) => ({ ...asked, ...rest })), reads: [...reads], accounts, bank }),
  };
}
