// The clients as one process knows them: looked up once in a few seconds, however many messages they send.
import { LRUCache } from 'lru-cache';
import type { Client, Clients } from '../identity/clients.ts';

/** `none`: there is no such client, or it is revoked. `unavailable`: Postgres does not say; ask again. */
export type FoundClient =
  | { readonly kind: 'client'; readonly client: Client }
  | { readonly kind: 'none' }
  | { readonly kind: 'unavailable' };

export interface KnownClients {
  /** As it was found within the last seconds; undefined where it has to be looked up. */
  known(clientId: string): FoundClient | undefined;
  /** Looks it up. Never rejects. */
  find(clientId: string): Promise<FoundClient>;
}

export interface KnownClientsOptions {
  readonly clients: Pick<Clients, 'find'>;
  /** For how long what was found counts: so long a client that was revoked is still taken. */
  readonly forMs?: number;
  /** Told once of every look-up that failed. */
  readonly onError: (error: unknown) => void;
}

const FOR_MS = 5_000;
/** As many broker users as anybody has. */
const MAX_KNOWN = 1_000;

/** Who is no client is looked up anew each time: whoever is made one is heard from then on. */
export function makeKnownClients({ clients, forMs = FOR_MS, onError }: KnownClientsOptions): KnownClients {
  const known = new LRUCache<string, FoundClient>({ max: MAX_KNOWN, ttl: forMs });
  /** Look-ups under way: messages that come together ask once. */
  const asked = new Map<string, Promise<FoundClient>>();

  async function look(clientId: string): Promise<FoundClient> {
    try {
      const client = await clients.find(clientId);
      if (client === undefined) return { kind: 'none' };
      const found = { kind: 'client', client } as const;
      known.set(clientId, found);
      return found;
    } catch (error) {
      onError(error);
      return { kind: 'unavailable' };
    } finally {
      asked.delete(clientId);
    }
  }

  return {
    known: (clientId) => known.get(clientId),
    find(clientId) {
      const found = asked.get(clientId) ?? look(clientId);
      asked.set(clientId, found);
      return found;
    },
  };
}
