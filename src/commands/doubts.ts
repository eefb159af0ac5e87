// Commands whose append has an unknown outcome: it may have landed, or may yet land. Until the stream is known to have
// moved past the revision that was expected, nothing definite may be said to whoever asks again.
import type { CommandId } from '../domain/ids.ts';

interface Doubt {
  readonly expecting: bigint;
  readonly commandIds: Set<CommandId>;
}

export interface Doubts {
  /** An append of these commands, expecting that revision, was handed to the store, and no answer came. */
  add(stream: string, expecting: bigint, commandIds: Iterable<CommandId>): void;
  has(stream: string, commandId: CommandId): boolean;
  /** The stream has been seen at that revision: appends that expected a lower one have landed, or never will. */
  settle(stream: string, revision: bigint): void;
}

export function makeDoubts(): Doubts {
  const byStream = new Map<string, Doubt[]>();
  return {
    add(stream, expecting, commandIds) {
      byStream.set(stream, [...(byStream.get(stream) ?? []), { expecting, commandIds: new Set(commandIds) }]);
    },
    has: (stream, commandId) => byStream.get(stream)?.some((doubt) => doubt.commandIds.has(commandId)) ?? false,
    settle(stream, revision) {
      const open = byStream.get(stream)?.filter((doubt) => doubt.expecting >= revision);
      if (open === undefined) return;
      if (open.length === 0) byStream.delete(stream);
      else byStream.set(stream, open);
    },
  };
}
