// The command ids that were added last, as many as fit.
import type { CommandId } from '../domain/ids.ts';

export interface RecentIds {
  add(commandId: CommandId): void;
  delete(commandId: CommandId): void;
  has(commandId: CommandId): boolean;
}

/** Forgets the one that was added first when there would be more than `most`. */
export function makeRecentIds(most: number): RecentIds {
  const ids = new Set<CommandId>();
  return {
    add(commandId) {
      ids.delete(commandId);
      ids.add(commandId);
      const [oldest] = ids;
      if (ids.size > most && oldest !== undefined) ids.delete(oldest);
    },
    delete: (commandId) => void ids.delete(commandId),
    has: (commandId) => ids.has(commandId),
  };
}
