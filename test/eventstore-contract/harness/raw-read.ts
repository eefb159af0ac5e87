import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServiceError } from '@grpc/grpc-js';
import { callMetadata, rawStreams } from './connection.ts';
import { streamIdentifier } from './messages.ts';

const { Options } = streams.ReadReq;

export interface FilterSpec {
  on: 'stream' | 'type';
  prefixes?: readonly string[];
  regex?: string;
  /** The search window; the default of 32 when absent. */
  max?: number;
  checkpointMultiplier?: number;
}

export interface ReadSpec {
  /** A stream's name, or `$all` when absent. */
  stream?: string;
  from?: 'start' | 'end' | bigint;
  direction?: 'forwards' | 'backwards';
  /** How many events, or a subscription. */
  count?: number | 'subscription';
  filter?: FilterSpec;
  resolveLinks?: boolean;
  compatibility?: number;
}

/** A `Read` request with every option at its most ordinary where the spec says nothing. */
export function readRequest(spec: ReadSpec): streams.ReadReq {
  const options = new Options()
    .setReadDirection(spec.direction === 'backwards' ? Options.ReadDirection.BACKWARDS : Options.ReadDirection.FORWARDS)
    .setResolveLinks(spec.resolveLinks ?? false)
    .setUuidOption(new Options.UUIDOption().setString(new shared.Empty()));
  if (spec.stream === undefined) options.setAll(allOptions(spec.from ?? 'start'));
  else options.setStream(streamOptions(spec.stream, spec.from ?? 'start'));
  if (spec.count === 'subscription') options.setSubscription(new Options.SubscriptionOptions());
  else options.setCount(String(spec.count ?? 1_000));
  if (spec.filter === undefined) options.setNoFilter(new shared.Empty());
  else options.setFilter(filterOptions(spec.filter));
  if (spec.compatibility !== undefined) options.setControlOption(new Options.ControlOption().setCompatibility(spec.compatibility));
  return new streams.ReadReq().setOptions(options);
}

function streamOptions(stream: string, from: 'start' | 'end' | bigint): streams.ReadReq.Options.StreamOptions {
  const options = new Options.StreamOptions().setStreamIdentifier(streamIdentifier(stream));
  if (from === 'start') return options.setStart(new shared.Empty());
  if (from === 'end') return options.setEnd(new shared.Empty());
  return options.setRevision(from.toString());
}

function allOptions(from: 'start' | 'end' | bigint): streams.ReadReq.Options.AllOptions {
  if (from === 'start') return new Options.AllOptions().setStart(new shared.Empty());
  if (from === 'end') return new Options.AllOptions().setEnd(new shared.Empty());
  const position = new Options.Position().setCommitPosition(from.toString()).setPreparePosition(from.toString());
  return new Options.AllOptions().setPosition(position);
}

function filterOptions(spec: FilterSpec): streams.ReadReq.Options.FilterOptions {
  const expression = new Options.FilterOptions.Expression().setPrefixList([...(spec.prefixes ?? [])]).setRegex(spec.regex ?? '');
  const options = new Options.FilterOptions().setCheckpointintervalmultiplier(spec.checkpointMultiplier ?? 1);
  if (spec.on === 'stream') options.setStreamIdentifier(expression);
  else options.setEventType(expression);
  return spec.max === undefined ? options.setCount(new shared.Empty()) : options.setMax(spec.max);
}

export interface RawRead {
  responses: streams.ReadResp[];
  /** The status the call ended with, when it was not OK. */
  error: ServiceError | undefined;
}

/** Runs one read to its end. */
export function rawRead(request: streams.ReadReq): Promise<RawRead> {
  return new Promise((resolve) => {
    const responses: streams.ReadResp[] = [];
    const call = rawStreams.read(request, callMetadata(), { deadline: Date.now() + 20_000 });
    call.on('data', (response: streams.ReadResp) => responses.push(response));
    call.on('error', (error: ServiceError) => resolve({ responses, error }));
    call.on('end', () => setImmediate(() => resolve({ responses, error: undefined })));
  });
}

const kinds = {
  [streams.ReadResp.ContentCase.CONTENT_NOT_SET]: 'nothing',
  [streams.ReadResp.ContentCase.EVENT]: 'event',
  [streams.ReadResp.ContentCase.CONFIRMATION]: 'confirmation',
  [streams.ReadResp.ContentCase.CHECKPOINT]: 'checkpoint',
  [streams.ReadResp.ContentCase.STREAM_NOT_FOUND]: 'streamNotFound',
  [streams.ReadResp.ContentCase.FIRST_STREAM_POSITION]: 'firstStreamPosition',
  [streams.ReadResp.ContentCase.LAST_STREAM_POSITION]: 'lastStreamPosition',
  [streams.ReadResp.ContentCase.LAST_ALL_STREAM_POSITION]: 'lastAllStreamPosition',
  [streams.ReadResp.ContentCase.CAUGHT_UP]: 'caughtUp',
  [streams.ReadResp.ContentCase.FELL_BEHIND]: 'fellBehind',
} as const;

export type ResponseKind = (typeof kinds)[keyof typeof kinds];

/** What a message of a read is. */
export function kindOf(response: streams.ReadResp): ResponseKind {
  return kinds[response.getContentCase()];
}

/** The event itself: the link where there is one, else the event. */
export function originalEvent(response: streams.ReadResp): streams.ReadResp.ReadEvent.RecordedEvent {
  const original = response.getEvent()?.getLink() ?? response.getEvent()?.getEvent();
  if (original === undefined) throw new Error(`not an event but ${kindOf(response)}`);
  return original;
}

/** The revisions of the events among the messages. */
export function revisionsIn(responses: streams.ReadResp[]): bigint[] {
  return responses.filter((response) => response.hasEvent()).map((response) => BigInt(originalEvent(response).getStreamRevision()));
}
