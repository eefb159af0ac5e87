import { randomUUID } from 'node:crypto';
import type { AppendExpectedRevision } from '@eventstore/db-client';
import fc from 'fast-check';
import type { Oracle, StreamMetadata } from './oracle.ts';

/** Where a call says the stream ends: a word, or a revision counted from the true end or from the events that are repeated. */
export type Expectation = 'any' | 'no_stream' | 'stream_exists' | { fromEnd: number } | { beforeRepeated: true };

export type Command =
  | {
      do: 'append';
      by: 'Append' | 'BatchAppend';
      expecting: Expectation;
      repeat: { from: number; count: number };
      fresh: number;
      freshFirst: boolean;
    }
  | { do: 'soft-delete' | 'tombstone'; expecting: Expectation }
  | { do: 'set-metadata'; metadata: StreamMetadata };

const expectation: fc.Arbitrary<Expectation> = fc.oneof(
  fc.constantFrom<Expectation>('any', 'no_stream', 'stream_exists', { beforeRepeated: true }),
  fc.record({ fromEnd: fc.constantFrom(-3, -2, -1, 0, 0, 0, 1, 2) }),
);

const append: fc.Arbitrary<Command> = fc.record({
  do: fc.constant('append' as const),
  by: fc.constantFrom('Append' as const, 'BatchAppend' as const),
  expecting: expectation,
  repeat: fc.record({ from: fc.nat(20), count: fc.constantFrom(0, 0, 1, 2, 3) }),
  fresh: fc.constantFrom(0, 1, 2, 3),
  freshFirst: fc.boolean(),
});

const removal: fc.Arbitrary<Command> = fc.record({
  do: fc.constantFrom('soft-delete' as const, 'soft-delete' as const, 'soft-delete' as const, 'tombstone' as const),
  expecting: expectation,
});

const metadata: fc.Arbitrary<Command> = fc.record({
  do: fc.constant('set-metadata' as const),
  metadata: fc.record({ truncateBefore: fc.nat(8), maxCount: fc.constantFrom(1, 2, 5) }, { requiredKeys: [] }),
});

/** A random life of one stream. */
export const program: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof({ weight: 7, arbitrary: append }, { weight: 2, arbitrary: removal }, { weight: 1, arbitrary: metadata }),
  { minLength: 1, maxLength: 14 },
);

/** The ids an append carries: some of the stream's own again, and new ones before or after them. */
export function idsFor(command: Extract<Command, { do: 'append' }>, oracle: Oracle): string[] {
  const known = oracle.ids();
  const from = known.length === 0 ? 0 : command.repeat.from % known.length;
  const repeated = known.slice(from, from + command.repeat.count);
  const fresh = Array.from({ length: Math.max(command.fresh, repeated.length === 0 ? 1 : 0) }, () => randomUUID());
  return command.freshFirst ? [...fresh, ...repeated] : [...repeated, ...fresh];
}

/** The expectation as the client takes it. */
export function resolve(expecting: Expectation, oracle: Oracle, first: string | undefined): AppendExpectedRevision {
  if (typeof expecting === 'string') return expecting;
  const known = oracle.ids();
  const repeatedAt = first === undefined ? -1 : known.indexOf(first);
  const end = known.length - 1;
  const revision = 'fromEnd' in expecting ? end + expecting.fromEnd : repeatedAt === -1 ? end : repeatedAt - 1;
  return revision < 0 ? 'no_stream' : BigInt(revision);
}
