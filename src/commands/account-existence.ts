// Which accounts exist. Once opened an account exists for ever, so what is known stays known; before one is said not to
// exist, its stream is read.
import { LRUCache } from 'lru-cache';
import type { Command } from '../domain/commands.ts';
import { accountStream } from '../domain/events.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Streams } from '../eventstore/streams.ts';

export interface AccountExistence {
  /**
   * Finds out about every account that the commands name besides their own.
   * @throws StoreUnavailable, UnreadableEvent, or the database's error.
   */
  resolve(commands: readonly Command[]): Promise<(accountId: AccountId) => boolean>;
  /** Drops what was read from that stream: an event in it has been annulled. */
  forget(stream: string): void;
  /** Drops everything that was found out. */
  forgetAll(): void;
}

export interface AccountExistenceOptions {
  readonly streams: Pick<Streams, 'read'>;
  /** Whether the projection knows the account. */
  readonly isProjected: (accountId: AccountId) => Promise<boolean>;
}

/** Of a few dozen bytes each. */
const MAX_REMEMBERED = 100_000;

export function makeAccountExistence({ streams, isProjected }: AccountExistenceOptions): AccountExistence {
  const existing = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  const exists = async (accountId: AccountId): Promise<boolean> => {
    const stream = accountStream(accountId);
    if (existing.has(stream)) return true;
    const found = (await isProjected(accountId)) || (await isOpenedIn(stream));
    if (found) existing.set(stream, true);
    return found;
  };
  const isOpenedIn = async (stream: string): Promise<boolean> => {
    for await (const { event } of streams.read(stream, 0n)) if (event.type === 'account-opened') return true;
    return false;
  };

  return {
    async resolve(commands) {
      const named = new Set(commands.flatMap((command) => (command.type === 'transfer' ? [command.to] : [])));
      const found = await Promise.all([...named].map(async (accountId) => [accountId, await exists(accountId)] as const));
      const answers = new Map(found);
      return (accountId) => answers.get(accountId) ?? false;
    },
    forget: (stream) => void existing.delete(stream),
    forgetAll: () => existing.clear(),
  };
}
