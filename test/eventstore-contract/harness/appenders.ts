import {
  type AppendExpectedRevision,
  type EventData,
  MaxAppendSizeExceededError,
  StreamDeletedError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServiceError } from '@grpc/grpc-js';
import { client } from './connection.ts';
import { appendMessage, appendOptions } from './messages.ts';
import { messageRequest, optionsRequest, rawAppend, trailer } from './raw-append.ts';

export type Revision = bigint | 'no_stream';

/** What became of an append, in one form for both RPCs. */
export type AppendOutcome =
  | { result: 'written'; revision: Revision; position: bigint | undefined }
  | { result: 'wrong-expected-version'; expected: AppendExpectedRevision; current: Revision }
  | { result: 'stream-deleted'; stream: string }
  | { result: 'too-large'; limit: number };

export type Appender = (stream: string, events: EventData[], expected: AppendExpectedRevision) => Promise<AppendOutcome>;

/** Appends by the client-streaming RPC, which the official client uses only for calls with credentials of their own. */
export const byAppend: Appender = async (stream, events, expected) => {
  const requests = [optionsRequest(appendOptions(stream, expected)), ...events.map((event) => messageRequest(appendMessage(event)))];
  const answer = await rawAppend(requests);
  if ('error' in answer) return outcomeOfStatus(answer.error);
  const wrong = answer.response.getWrongExpectedVersion();
  if (wrong !== undefined) return outcomeOfWrongVersion(wrong);
  const success = answer.response.getSuccess();
  if (success === undefined) throw new Error('the answer is empty');
  const position = success.getPosition();
  return {
    result: 'written',
    revision: success.hasCurrentRevision() ? BigInt(success.getCurrentRevision()) : 'no_stream',
    position: position && onePosition(BigInt(position.getCommitPosition()), BigInt(position.getPreparePosition())),
  };
};

/** Appends by the official client, which uses `BatchAppend`. */
export const byBatchAppend: Appender = async (stream, events, expected) => {
  try {
    const { nextExpectedRevision, position } = await client.appendToStream(stream, events, { expectedRevision: expected });
    return { result: 'written', revision: nextExpectedRevision, position: position && onePosition(position.commit, position.prepare) };
  } catch (error) {
    if (error instanceof WrongExpectedVersionError) {
      return { result: 'wrong-expected-version', expected: error.expectedVersion, current: error.actualVersion };
    }
    if (error instanceof StreamDeletedError) return { result: 'stream-deleted', stream: error.streamName };
    if (error instanceof MaxAppendSizeExceededError) return { result: 'too-large', limit: error.maxAppendSize };
    throw error;
  }
};

/** Both ways to append, for `describe.each`. */
export const appenders: [string, Appender][] = [
  ['Append', byAppend],
  ['BatchAppend', byBatchAppend],
];

function outcomeOfStatus(error: ServiceError): AppendOutcome {
  const exception = trailer(error, 'exception');
  if (exception === 'stream-deleted') return { result: 'stream-deleted', stream: trailer(error, 'stream-name') ?? '' };
  if (exception === 'maximum-append-size-exceeded') return { result: 'too-large', limit: Number(trailer(error, 'maximum-append-size')) };
  throw error;
}

function outcomeOfWrongVersion(wrong: streams.AppendResp.WrongExpectedVersion): AppendOutcome {
  return {
    result: 'wrong-expected-version',
    expected: expectedOf(wrong),
    current: wrong.hasCurrentRevision() ? BigInt(wrong.getCurrentRevision()) : 'no_stream',
  };
}

function expectedOf(wrong: streams.AppendResp.WrongExpectedVersion): AppendExpectedRevision {
  if (wrong.hasExpectedAny()) return 'any';
  if (wrong.hasExpectedNoStream()) return 'no_stream';
  if (wrong.hasExpectedStreamExists()) return 'stream_exists';
  return BigInt(wrong.getExpectedRevision());
}

function onePosition(commit: bigint, prepare: bigint): bigint {
  if (commit !== prepare) throw new Error(`commit ${commit} is not prepare ${prepare}`);
  return commit;
}
