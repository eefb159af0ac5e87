import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { assertNever } from '../assert-never.ts';
import { decodeDeleteRequest, encodeDeleteResponse } from '../codec/append-messages.ts';
import { deadlineMs } from '../grpc/deadline.ts';
import { streamDeleted, toCallError, writeFailed, wrongExpectedVersion } from '../grpc/errors.ts';
import type { EventLog } from '../log/event-log.ts';
import type { WriteOutcome } from '../log/writes.ts';
import { requireTarget, type Target } from './target.ts';

type Call = ServerUnaryCall<Buffer, Buffer>;

/** Delete hides a stream until its next append; Tombstone closes it for ever. */
export function handleDelete(log: EventLog, kind: 'delete' | 'tombstone', call: Call, callback: sendUnaryData<Buffer>): void {
  try {
    const target = requireTarget(decodeDeleteRequest(call.request));
    log.submit({ kind, ...target, deadlineMs: deadlineMs(call) }, (outcome) => {
      try {
        callback(null, encodeOutcome(outcome, target));
      } catch (error) {
        callback(toCallError(error));
      }
    });
  } catch (error) {
    callback(toCallError(error));
  }
}

function encodeOutcome(outcome: WriteOutcome, target: Target): Buffer {
  switch (outcome.kind) {
    case 'written':
      return encodeDeleteResponse(outcome.position ?? 0);
    case 'conflict':
      throw wrongExpectedVersion('Delete', target.stream, target.expected, outcome.current);
    case 'deleted':
      throw streamDeleted(outcome.stream);
    case 'expired':
    case 'refused':
    case 'unknown':
      throw writeFailed(outcome);
    default:
      return assertNever(outcome);
  }
}
