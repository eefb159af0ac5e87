import { status } from '@grpc/grpc-js';
import { assertNever } from '../assert-never.ts';
import type { FilterOptions } from '../codec/read-request.ts';
import { streamOfRecord } from '../codec/recorded-event.ts';
import { CallError, invalidArgument } from '../grpc/errors.ts';
import type { StoredEvent } from '../log/event-table.ts';

/** Chooses the events of `$all` that a client asked for. */
export type EventFilter = (event: StoredEvent) => boolean;

/** @throws CallError for a filter on nothing, and for a regular expression that does not compile. */
export function compileFilter(options: FilterOptions): EventFilter {
  const matches = compileExpression(options);
  switch (options.on) {
    case 'stream':
      return (event) => matches(streamOfRecord(event.record));
    case 'type':
      return (event) => matches(event.type);
    case undefined:
      throw invalidArgument('the filter names neither stream nor event type');
    default:
      return assertNever(options.on);
  }
}

function compileExpression({ regex, prefixes }: FilterOptions): (text: string) => boolean {
  if (regex === '') return (text) => prefixes.some((prefix) => text.startsWith(prefix));
  try {
    const expression = new RegExp(regex);
    return (text) => expression.test(text);
  } catch (error) {
    throw new CallError(status.UNKNOWN, error instanceof Error ? error.message : String(error));
  }
}

const DEFAULT_WINDOW = 32;

/** After how many considered events a subscription gets a checkpoint. */
export function checkpointInterval(options: FilterOptions): number {
  if (options.checkpointMultiplier === 0) throw new CallError(status.UNKNOWN, 'the checkpoint interval multiplier must not be 0');
  return window(options) * options.checkpointMultiplier;
}

/** @throws CallError when the client chose no window. */
export function window(options: FilterOptions): number {
  if (options.window === undefined) throw invalidArgument('the filter has no window');
  return options.window === 'default' || options.window === 0 ? DEFAULT_WINDOW : options.window;
}
