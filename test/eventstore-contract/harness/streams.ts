import { randomUUID } from 'node:crypto';
import { type EventData, type JSONEventData, jsonEvent, type ResolvedEvent } from '@eventstore/db-client';
import { client } from './connection.ts';

/** A stream name that no other run has used, so that the suite can run against a shared server. */
export function uniqueStream(subject = 'stream'): string {
  return `contract-${subject}-${randomUUID()}`;
}

export type ContractEvent = JSONEventData<{ type: string; data: { n: number } }>;

/** An event with an id of its own. */
export function event(n = 0, type = 'contract-event'): ContractEvent {
  return jsonEvent({ type, data: { n } });
}

/** `count` events, numbered from `from`. */
export function events(count: number, from = 0, type = 'contract-event'): ContractEvent[] {
  return Array.from({ length: count }, (_, index) => event(from + index, type));
}

/** A stream that already holds these events. */
export async function streamOf(written: EventData[], subject?: string): Promise<string> {
  const stream = uniqueStream(subject);
  await client.appendToStream(stream, written, { expectedRevision: 'no_stream' });
  return stream;
}

/** Everything a read yields. */
export async function collect<T>(read: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of read) all.push(item);
  return all;
}

type ReadOptions = Parameters<typeof client.readStream>[1];

/** The revisions a read of the stream yields. */
export async function revisions(stream: string, options?: ReadOptions): Promise<bigint[]> {
  return (await collect(client.readStream(stream, options))).map((resolved) => recorded(resolved).revision);
}

/** The recorded event of a resolved one, which is there for everything but a link to a missing event. */
export function recorded<E extends Pick<ResolvedEvent, 'event'>>(resolved: E | undefined): NonNullable<E['event']> {
  if (resolved?.event === undefined || resolved.event === null) throw new Error('no event was returned');
  return resolved.event;
}

/** The log position of an event, which every read carries. */
export function positionOf(resolved: Pick<ResolvedEvent, 'event'> | undefined): bigint {
  const position = recorded(resolved).position;
  if (position === undefined) throw new Error('the event carries no position');
  return position.commit;
}

/** A log position as the client takes it: commit and prepare are the same number. */
export function at(position: bigint): { commit: bigint; prepare: bigint } {
  return { commit: position, prepare: position };
}

/** The stream's events as the store holds them. */
export async function stored(stream: string): Promise<{ id: string; revision: bigint; position: bigint }[]> {
  const all = await collect(client.readStream(stream));
  return all.map((resolved) => ({ id: recorded(resolved).id, revision: recorded(resolved).revision, position: positionOf(resolved) }));
}

/** The element at `index`, which must be there. */
export function nth<T>(list: readonly T[], index: number): T {
  const found = list.at(index);
  if (found === undefined) throw new Error(`nothing at ${index} of ${list.length}`);
  return found;
}
