import { randomUUID } from 'node:crypto';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { decodeReadRequest, type FilterOptions, type ReadFrom, type ReadRequest } from '../codec/read-request.ts';
import { encodeConfirmation } from '../codec/read-response.ts';
import { invalidArgument, shuttingDown, toCallError } from '../grpc/errors.ts';
import type { EventLog } from '../log/event-log.ts';
import { checkpointInterval, compileFilter, window } from './event-filter.ts';
import { createOutlet, type Outlet } from './outlet.ts';
import { createPresenter, type Presenter } from './presenter.ts';
import { readAll } from './read-all.ts';
import { readStream } from './read-stream.ts';
import { subscribeToAll } from './subscribe-to-all.ts';
import { subscribeToStream } from './subscribe-to-stream.ts';

type Call = ServerWritableStream<Buffer, Buffer>;

/** What every kind of read works with. */
export interface ReadContext {
  readonly log: EventLog;
  readonly outlet: Outlet;
  readonly present: Presenter;
  /** A live subscriber that more than this many events wait for is cut off; null: it reads on from storage. */
  readonly liveBuffer: number | null;
  /** Tells the client that its subscription stands. */
  readonly confirm: () => void;
}

/** Read: streams and `$all`, once or as a subscription. */
export async function handleRead(log: EventLog, liveBuffer: number | null, stopping: AbortSignal, call: Call): Promise<void> {
  try {
    const request = decodeReadRequest(call.request);
    if (request.uuids === undefined) throw invalidArgument('the uuid option is missing');
    const outlet = createOutlet(call, stopping);
    const present = createPresenter(log, { resolveLinks: request.resolveLinks, uuids: request.uuids });
    const confirm = (): void => void outlet.send(encodeConfirmation(randomUUID()));
    await dispatch({ log, outlet, present, liveBuffer, confirm }, request);
    if (stopping.aborted) throw shuttingDown();
    call.end();
  } catch (error) {
    if (!call.cancelled) call.emit('error', toCallError(error));
  }
}

function dispatch(context: ReadContext, request: ReadRequest): Promise<void> {
  const { target, count, filter, backwards, compatibility } = request;
  if (target === undefined) throw invalidArgument('neither a stream nor $all is named');
  if (count === undefined) throw invalidArgument('neither a count nor a subscription is asked for');
  if (filter === undefined) throw invalidArgument('the filter option is missing');
  if (count === 'subscription' && backwards) throw invalidArgument('a subscription cannot run backwards');
  if (target.kind === 'stream') {
    const { stream } = target;
    const from = requireFrom(target.from);
    if (filter !== 'none') throw invalidArgument('only $all can be filtered');
    if (stream === '') throw invalidArgument('the stream name is empty');
    if (count === 'subscription') return subscribeToStream(context, stream, from);
    return readStream(context, { stream, from, backwards, count, compatibility });
  }
  if (count === 'subscription') {
    // A subscription may leave the starting point out: then it starts at the beginning.
    return subscribeToAll(context, target.from ?? 'start', compileSubscriptionFilter(filter));
  }
  return readAll(context, { from: requireFrom(target.from), backwards, count, matches: compileReadFilter(filter) });
}

function requireFrom(from: ReadFrom | undefined): ReadFrom {
  if (from === undefined) throw invalidArgument('the starting point is missing');
  return from;
}

function compileReadFilter(filter: FilterOptions | 'none') {
  if (filter === 'none') return null;
  window(filter);
  return compileFilter(filter);
}

function compileSubscriptionFilter(filter: FilterOptions | 'none') {
  return filter === 'none' ? null : { matches: compileFilter(filter), checkpointInterval: checkpointInterval(filter) };
}
