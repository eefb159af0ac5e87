import { Metadata, status } from '@grpc/grpc-js';
import { MissingMetadataPropertyError } from '../codec/proposed-event.ts';
import type { ExpectedRevision } from '../codec/shared-messages.ts';
import { MalformedMessageError } from '../codec/wire-reader.ts';
import { DamagedEventError } from '../log/event-table.ts';
import { isDamage } from '../log/storage-error.ts';
import type { WriteOutcome } from '../log/writes.ts';

/** A call ends with this gRPC status. The trailers tell the client which of its own errors to raise. */
export class CallError extends Error {
  override name = 'CallError';
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;

  constructor(code: status, details: string, trailers: Readonly<Record<string, string>> = {}) {
    super(details);
    this.code = code;
    this.details = details;
    this.metadata = new Metadata();
    for (const [key, value] of Object.entries(trailers)) this.metadata.set(key, headerValue(value));
  }
}

/** Trailers are ASCII; stream names need not be. */
function headerValue(value: string): string {
  return value.replaceAll(/[^ -~]/g, (character) => encodeURIComponent(character));
}

export function invalidArgument(details: string): CallError {
  return new CallError(status.INVALID_ARGUMENT, details);
}

export function streamDeleted(stream: string): CallError {
  return new CallError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });
}

export function maximumAppendSizeExceeded(maximumBytes: number): CallError {
  return new CallError(status.INVALID_ARGUMENT, `Maximum Append Size of ${maximumBytes} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(maximumBytes),
  });
}

/** WrongExpectedVersion of Delete and Tombstone. In Append it is a normal answer. */
export function wrongExpectedVersion(operation: string, stream: string, expected: ExpectedRevision, current: number | null): CallError {
  const expectedVersion = expectedVersionNumber(expected);
  const actualVersion = String(current ?? -1);
  return new CallError(
    status.FAILED_PRECONDITION,
    `${operation} failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expectedVersion}, Actual version: ${actualVersion}`,
    { exception: 'wrong-expected-version', 'stream-name': stream, 'expected-version': expectedVersion, 'actual-version': actualVersion },
  );
}

function expectedVersionNumber(expected: ExpectedRevision): string {
  if (expected === 'any') return '-2';
  if (expected === 'no_stream') return '-1';
  return expected === 'stream_exists' ? '-4' : String(expected);
}

export function invalidPosition(): CallError {
  return new CallError(status.UNKNOWN, 'Unexpected ReadAllResult: InvalidPosition');
}

export function consumerTooSlow(): CallError {
  return new CallError(
    status.ABORTED,
    'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
  );
}

export function shuttingDown(): CallError {
  return new CallError(status.UNAVAILABLE, 'the server is shutting down');
}

/** The status for a write that was not carried out for want of time or of a working disk. */
export function writeFailed(outcome: Extract<WriteOutcome, { kind: 'expired' | 'refused' | 'unknown' }>): CallError {
  if (outcome.kind === 'expired') return new CallError(status.DEADLINE_EXCEEDED, 'the deadline passed before the write was begun');
  return new CallError(outcome.kind === 'refused' ? status.RESOURCE_EXHAUSTED : status.UNKNOWN, outcome.reason);
}

/** The status for anything that was thrown while a call was handled. */
export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (error instanceof MissingMetadataPropertyError) {
    return new CallError(status.INVALID_ARGUMENT, error.message, {
      exception: 'missing-required-metadata-property',
      'required-metadata-properties': 'type,content-type',
    });
  }
  if (error instanceof MalformedMessageError) return invalidArgument(error.message);
  if (error instanceof DamagedEventError || isDamage(error)) return new CallError(status.DATA_LOSS, messageOf(error));
  return new CallError(status.INTERNAL, messageOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
