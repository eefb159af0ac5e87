import { randomUUID } from 'node:crypto';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServiceError } from '@grpc/grpc-js';
import { waitUntil } from '../../stack/waiting.ts';
import { callMetadata, rawStreams } from './connection.ts';
import { uuid } from './messages.ts';

export interface BatchCall {
  /** Sends one chunk, whatever it holds. */
  send(request: streams.BatchAppendReq): void;
  /** All answers so far to one correlation id, in order of arrival. */
  answersTo(correlationId: string): streams.BatchAppendResp[];
  /** The correlation ids answered so far, in order of arrival. */
  answered(): string[];
  /** Waits for the first answer to a correlation id; fails when the call ends without one. */
  answerTo(correlationId: string): Promise<streams.BatchAppendResp>;
  /** How the call ended, if it has. */
  ended(): { error?: ServiceError } | undefined;
  cancel(): void;
}

/** Opens one long-lived `BatchAppend` call. */
export function openBatchAppend(): BatchCall {
  const received: { correlationId: string; response: streams.BatchAppendResp }[] = [];
  let end: { error?: ServiceError } | undefined;
  const call = rawStreams.batchAppend(callMetadata());
  call.on('data', (response: streams.BatchAppendResp) => received.push({ correlationId: uuidText(response.getCorrelationId()), response }));
  call.on('error', (error: ServiceError) => {
    end ??= { error };
  });
  call.on('end', () => {
    end ??= {};
  });
  const answersTo = (id: string) => received.filter((answer) => answer.correlationId === id).map((answer) => answer.response);
  return {
    send: (request) => call.write(request),
    answersTo,
    answered: () => received.map((answer) => answer.correlationId),
    answerTo: (id) =>
      waitUntil(() => {
        const answer = answersTo(id)[0];
        if (answer === undefined && end !== undefined) throw new Error(`the call ended without an answer: ${end.error?.message ?? 'OK'}`);
        return answer;
      }),
    ended: () => end,
    cancel: () => call.cancel(),
  };
}

/** One chunk of a batch. */
export function chunk(parts: {
  correlationId: string;
  options?: streams.BatchAppendReq.Options;
  messages?: streams.BatchAppendReq.ProposedMessage[];
  isFinal: boolean;
}): streams.BatchAppendReq {
  return new streams.BatchAppendReq()
    .setCorrelationId(uuid(parts.correlationId))
    .setOptions(parts.options)
    .setProposedMessagesList(parts.messages ?? [])
    .setIsFinal(parts.isFinal);
}

/** Sends one whole batch over a call of its own and returns the first answer. */
export async function batchAppendOnce(
  options: streams.BatchAppendReq.Options,
  messages: streams.BatchAppendReq.ProposedMessage[],
): Promise<streams.BatchAppendResp> {
  const call = openBatchAppend();
  const correlationId = randomUUID();
  call.send(chunk({ correlationId, options, messages, isFinal: true }));
  try {
    return await call.answerTo(correlationId);
  } finally {
    call.cancel();
  }
}

/** The type of the error's detail, such as `WrongExpectedVersion`; undefined for a success. */
export function errorKind(response: streams.BatchAppendResp): string | undefined {
  const details = response.getError()?.getDetails();
  return details?.getTypeUrl().replace('type.googleapis.com/event_store.client.', '');
}

/** The unpacked WrongExpectedVersion detail. */
export function wrongExpectedVersion(response: streams.BatchAppendResp): shared.WrongExpectedVersion {
  const unpacked = response
    .getError()
    ?.getDetails()
    ?.unpack(shared.WrongExpectedVersion.deserializeBinary, 'event_store.client.WrongExpectedVersion');
  if (unpacked === undefined || unpacked === null) throw new Error(`not a WrongExpectedVersion: ${errorKind(response)}`);
  return unpacked;
}

/** Either form of a UUID as text. */
export function uuidText(id: shared.UUID | undefined): string {
  const structured = id?.getStructured();
  if (structured === undefined) return id?.getString() ?? '';
  const half = (bits: string) => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
  const hex = half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits());
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
