// Annulments: the way on after something was written to the log past the ledger that no projection can apply. An operator
// annuls the one event on which the projector has halted; from then on every reader finds an event without effect in its place.
// Because only an event that was never applied can be annulled, nothing that any answer rested on ever changes.
import { ANY, FORWARDS, jsonEvent } from '@eventstore/db-client';
import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import type { Connection } from './connection.ts';
import type { EventPlace } from './errors.ts';
import { StoreUnavailable } from './errors.ts';
import { reading } from './reading.ts';

export const ANNULMENTS_STREAM = 'ledger-annulments';
const ANNULMENT_TYPE = 'event-annulled';
/** Namespace of annulments' event ids, so that annulling an event twice is one annulment. */
const ANNULMENT_IDS = '5b1d0c64-2b0a-5d3e-9c35-64f2a1d0f7aa';

const WholeNumber = z
  .string()
  .regex(/^[0-9]{1,19}$/)
  .transform(BigInt);
const AnnulmentSchema = z.object({
  version: z.literal(1),
  eventId: z.string(),
  stream: z.string(),
  revision: WholeNumber,
  position: WholeNumber,
  reason: z.string(),
});

export interface Annulment extends EventPlace {
  /** Why, in the operator's words. */
  readonly reason: string;
}

export interface Annulments {
  /** Reads what was annulled since the last call. @throws StoreUnavailable */
  load(): Promise<void>;
  /** Whether the event is annulled, as of the last load. */
  has(eventId: string): boolean;
  /** Everything annulled, as of the last load, oldest first. */
  all(): readonly Annulment[];
  /**
   * Annuls an event. To be called only while the projector is known to be halted on exactly that event (see projections/halt.ts).
   * Repeating it changes nothing. @throws StoreUnavailable where the outcome is not known; repeat it then.
   */
  append(annulment: Annulment): Promise<void>;
  /** Told of every annulment that a load brings to light, so that what was cached without it can be dropped. */
  onLoaded(listener: (annulment: Annulment) => void): () => void;
}

export function makeAnnulments(connection: Connection): Annulments {
  const known = new Map<string, Annulment>();
  const listeners = new Set<(annulment: Annulment) => void>();
  let nextRevision = 0n;
  let loading: Promise<void> | undefined;

  async function readOn(): Promise<void> {
    const events = reading(connection, 'reading annulments', (client) =>
      client.readStream(ANNULMENTS_STREAM, { direction: FORWARDS, fromRevision: nextRevision }),
    );
    for await (const { event } of events) {
      if (event === undefined) continue;
      nextRevision = event.revision + 1n;
      const parsed = AnnulmentSchema.safeParse(event.data);
      // Not ours to interpret: an annulment that cannot be read annuls nothing.
      if (event.type !== ANNULMENT_TYPE || !parsed.success || known.has(parsed.data.eventId)) continue;
      const { version: _, ...annulment } = parsed.data;
      known.set(annulment.eventId, annulment);
      for (const listener of listeners) listener(annulment);
    }
  }

  function load(): Promise<void> {
    loading ??= readOn().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  return {
    load,
    has: (eventId) => known.has(eventId),
    all: () => [...known.values()],
    onLoaded: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    append: async ({ eventId, stream, revision, position, reason }) => {
      const use = connection.begin('annulling an event');
      try {
        const data = { version: 1, eventId, stream, revision: `${revision}`, position: `${position}`, reason };
        const event = jsonEvent({ id: uuidv5(eventId, ANNULMENT_IDS), type: ANNULMENT_TYPE, data });
        await connection.client.appendToStream(ANNULMENTS_STREAM, event, { expectedRevision: ANY });
      } catch (error) {
        throw new StoreUnavailable('annulling an event', error);
      } finally {
        use.done();
      }
      await load();
    },
  };
}
