// Versions of events: what was written years ago is brought to today's shape when it is read; what is stored never changes.
import type { z } from 'zod';
import type { EventType, StoredEvent } from './events.ts';
import { EVENTS } from './events.ts';

type RawData = Readonly<Record<string, unknown>>;
/** Turns version n of an event's data into version n + 1. */
type Upcaster = (data: RawData) => RawData;

/** By type, then by the version that is left behind. Every type is at its first version, so there is nothing to bring up yet. */
const UPCASTERS: { readonly [Type in EventType]?: Readonly<Record<number, Upcaster>> } = {};

export type ParsedEvent = { readonly ok: true; readonly event: StoredEvent } | { readonly ok: false; readonly reason: string };

const isEventType = (type: string): type is EventType => Object.hasOwn(EVENTS, type);

/** Brings `data` up to the newest version, step by step; versions without a step are left as they are for the schema to judge. */
export function upcast(data: RawData, steps: Readonly<Record<number, Upcaster>>): RawData {
  let current = data;
  for (let version = current.version; typeof version === 'number'; version = current.version) {
    const step = steps[version];
    if (step === undefined) return current;
    current = { ...step(current), version: version + 1 };
  }
  return current;
}

/**
 * Reads a stored event. Nothing is guessed: an unknown type, an unknown version or data of another shape comes back with
 * the reason, and whoever reads the log stops there.
 */
export function parseEvent(type: string, data: unknown): ParsedEvent {
  if (!isEventType(type)) return { ok: false, reason: `unknown event type "${type}"` };
  const raw = typeof data === 'object' && data !== null ? upcast({ ...data }, UPCASTERS[type] ?? {}) : data;
  const schema: z.ZodType = EVENTS[type];
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`).join('; ');
    return { ok: false, reason: `a ${type} event that cannot be read: ${where}` };
  }
  // The schema table is keyed by type, so type and data fit together here; the compiler cannot follow the correlation.
  return { ok: true, event: { type, ...(parsed.data as object) } as StoredEvent };
}
