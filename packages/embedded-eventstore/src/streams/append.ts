import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import { assertNever } from '../assert-never.ts';
import { decodeAppendRequest, encodeAppendConflict, encodeAppendSuccess } from '../codec/append-messages.ts';
import type { ProposedEvent } from '../codec/proposed-event.ts';
import { deadlineMs } from '../grpc/deadline.ts';
import { invalidArgument, maximumAppendSizeExceeded, streamDeleted, toCallError, writeFailed } from '../grpc/errors.ts';
import type { EventLog } from '../log/event-log.ts';
import type { WriteOutcome } from '../log/writes.ts';
import { createAppendSize, MAX_APPEND_BYTES } from './append-size.ts';
import { requireTarget, type Target } from './target.ts';

type Call = ServerReadableStream<Buffer, Buffer>;

/** Append: the options, then one message an event. All events are written, or none. */
export function handleAppend(log: EventLog, call: Call, callback: sendUnaryData<Buffer>): void {
  let target: Target | undefined;
  const events: ProposedEvent[] = [];
  const size = createAppendSize();
  let answered = false;

  function answer(reply: () => Buffer): void {
    if (answered) return;
    answered = true;
    try {
      callback(null, reply());
    } catch (error) {
      callback(toCallError(error));
    }
  }

  function receive(message: Buffer): void {
    const request = decodeAppendRequest(message);
    switch (request.kind) {
      case 'options':
        if (target !== undefined) throw invalidArgument('the options came twice');
        target = requireTarget(request.options);
        return;
      case 'event':
        if (target === undefined) throw invalidArgument('the options must come first');
        if (!size.add(request.event)) throw maximumAppendSizeExceeded(MAX_APPEND_BYTES);
        events.push(request.event);
        return;
      case 'empty':
        throw invalidArgument('the message has neither options nor an event');
      default:
        assertNever(request);
    }
  }

  call.on('data', (message: Buffer) => {
    if (answered) return;
    try {
      receive(message);
    } catch (error) {
      answer(() => {
        throw error;
      });
    }
  });
  function submit(): void {
    if (answered) return;
    const { stream, expected } = target ?? { stream: '', expected: 'any' };
    if (target === undefined) {
      answer(() => {
        throw invalidArgument('the options are missing');
      });
      return;
    }
    log.submit({ kind: 'append', stream, expected, events, deadlineMs: deadlineMs(call) }, (outcome) =>
      answer(() => encodeOutcome(outcome, expected)),
    );
  }

  // A connection that breaks ends the stream of requests too, and only a moment later is the call known to be cancelled: what has
  // arrived until then is not the whole append.
  call.on('end', () => {
    setImmediate(() => {
      if (!call.cancelled) submit();
    });
  });
}

function encodeOutcome(outcome: WriteOutcome, expected: Target['expected']): Buffer {
  switch (outcome.kind) {
    case 'written':
      return encodeAppendSuccess(outcome.revision, outcome.position);
    case 'conflict':
      return encodeAppendConflict(expected, outcome.current);
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
