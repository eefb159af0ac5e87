import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServiceError } from '@grpc/grpc-js';
import { callMetadata, rawStreams } from './connection.ts';

export type RawAppendAnswer = { response: streams.AppendResp } | { error: ServiceError };

/** Sends these requests, in this order and whatever they hold, through `Append`. */
export function rawAppend(requests: streams.AppendReq[]): Promise<RawAppendAnswer> {
  return new Promise((resolve) => {
    const call = rawStreams.append(callMetadata(), { deadline: Date.now() + 20_000 }, (error, response) => {
      resolve(error === null ? { response } : { error });
    });
    for (const request of requests) call.write(request);
    call.end();
  });
}

export function optionsRequest(options: streams.AppendReq.Options): streams.AppendReq {
  return new streams.AppendReq().setOptions(options);
}

export function messageRequest(message: streams.AppendReq.ProposedMessage): streams.AppendReq {
  return new streams.AppendReq().setProposedMessage(message);
}

/** The named trailer of an error, as text. */
export function trailer(error: ServiceError, key: string): string | undefined {
  return error.metadata.get(key)[0]?.toString();
}
