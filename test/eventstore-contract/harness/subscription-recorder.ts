import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServiceError } from '@grpc/grpc-js';
import { waitUntil } from '../../stack/waiting.ts';
import { callMetadata, rawStreams } from './connection.ts';
import { kindOf, originalEvent, type ReadSpec, type ResponseKind, readRequest, revisionsIn } from './raw-read.ts';

export interface SubscriptionRecorder extends AsyncDisposable {
  /** Every message so far, in order of arrival. */
  responses: streams.ReadResp[];
  /** What the messages were, in order of arrival. */
  kinds(): ResponseKind[];
  /** The revisions of the events so far. */
  revisions(): bigint[];
  /** The log positions of the events so far. */
  positions(): bigint[];
  /** The positions of the checkpoints so far. */
  checkpoints(): bigint[];
  /** The status the subscription was ended with. */
  error(): ServiceError | undefined;
  /** Waits until this many messages of the kind have come. */
  until(kind: ResponseKind, count?: number): Promise<void>;
  /** Waits for the server to end the subscription with an error. */
  untilError(): Promise<ServiceError>;
}

/** Subscribes and keeps every message in the order in which the server sent it. */
export function record(spec: Omit<ReadSpec, 'count'>): SubscriptionRecorder {
  const responses: streams.ReadResp[] = [];
  let failure: ServiceError | undefined;
  let cancelled = false;
  const call = rawStreams.read(readRequest({ ...spec, count: 'subscription' }), callMetadata());
  call.on('data', (response: streams.ReadResp) => responses.push(response));
  call.on('error', (error: ServiceError) => {
    if (!cancelled) failure = error;
  });
  const ofKind = (kind: ResponseKind) => responses.filter((response) => kindOf(response) === kind);
  return {
    responses,
    kinds: () => responses.map(kindOf),
    revisions: () => revisionsIn(responses),
    positions: () => ofKind('event').map((response) => BigInt(originalEvent(response).getCommitPosition())),
    checkpoints: () => ofKind('checkpoint').map((response) => BigInt(response.getCheckpoint()?.getCommitPosition() ?? -1)),
    error: () => failure,
    until: async (kind, count = 1) => {
      await waitUntil(() => {
        if (failure !== undefined && ofKind(kind).length < count) throw failure;
        return ofKind(kind).length >= count;
      });
    },
    untilError: async () => waitUntil(() => failure),
    [Symbol.asyncDispose]: async () => {
      cancelled = true;
      call.cancel();
    },
  };
}
