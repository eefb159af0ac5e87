import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { assertNever } from '../assert-never.ts';
import {
  type BatchAppendChunk,
  type BatchAppendError,
  decodeBatchAppendChunk,
  encodeBatchAppendError,
  encodeBatchAppendSuccess,
} from '../codec/batch-append-messages.ts';
import type { ProposedEvent } from '../codec/proposed-event.ts';
import { encodeStreamIdentifier, wireRevision } from '../codec/shared-messages.ts';
import { MalformedMessageError } from '../codec/wire-reader.ts';
import { CallError, shuttingDown, toCallError } from '../grpc/errors.ts';
import type { EventLog } from '../log/event-log.ts';
import type { WriteOutcome } from '../log/writes.ts';
import { type AppendSize, createAppendSize, MAX_APPEND_BYTES } from './append-size.ts';
import { requireTarget, type Target } from './target.ts';

type Call = ServerDuplexStream<Buffer, Buffer>;

/** A batch whose final chunk has not come yet. */
interface OpenBatch {
  readonly target: Target;
  readonly deadlineMs: number;
  readonly events: ProposedEvent[];
  readonly size: AppendSize;
  timer: NodeJS.Timeout | undefined;
}

/** Unanswered appends of one call above which it is read no further, until half of them are answered. */
const MAX_UNANSWERED = 4096;
/** Batches of one call that may be open, or refused but not yet finished by the client, at the same time. */
const MAX_OPEN_BATCHES = 1024;
/** Node's timers overflow beyond this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * BatchAppend: any number of appends over one call, each answered exactly once, in no particular order. Answers wait in
 * memory only as long as the call is not read any further, so a client that does not read its answers is slowed down.
 */
export function handleBatchAppend(log: EventLog, stopping: AbortSignal, call: Call): void {
  const open = new Map<string, OpenBatch | 'answered'>();
  let unanswered = 0;
  let ended = false;
  let done = false;

  function receive(message: Buffer): void {
    const chunk = decodeBatchAppendChunk(message);
    const key = chunk.correlation.toString('latin1');
    if (open.size >= MAX_OPEN_BATCHES && !chunk.isFinal && !open.has(key)) throw tooManyOpenBatches();
    const batch = open.get(key) ?? begin(chunk, key);
    if (batch === 'answered') {
      if (chunk.isFinal) open.delete(key);
      return;
    }
    const refusal = add(batch, chunk);
    if (refusal !== null) refuse(chunk, key, batch.target.stream, refusal);
    else if (chunk.isFinal) submit(chunk.correlation, key, batch);
  }

  function begin(chunk: BatchAppendChunk, key: string): OpenBatch | 'answered' {
    try {
      if (chunk.malformed !== undefined) throw new MalformedMessageError(chunk.malformed);
      const batch: OpenBatch = {
        target: requireTarget(chunk.options),
        deadlineMs: chunk.options?.deadlineMs ?? Number.POSITIVE_INFINITY,
        events: [],
        size: createAppendSize(),
        timer: undefined,
      };
      if (!chunk.isFinal) keepOpen(chunk, key, batch);
      return batch;
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      refuse(chunk, key, chunk.options?.stream ?? '', badRequest(error.message));
      return 'answered';
    }
  }

  function keepOpen(chunk: BatchAppendChunk, key: string, batch: OpenBatch): void {
    open.set(key, batch);
    if (batch.deadlineMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(batch.deadlineMs - Date.now(), 0), MAX_TIMER_MS);
    batch.timer = setTimeout(() => refuse({ ...chunk, isFinal: false }, key, batch.target.stream, TIMEOUT), delayMs);
  }

  function add(batch: OpenBatch, chunk: BatchAppendChunk): BatchAppendError | null {
    if (chunk.malformed !== undefined) return badRequest(chunk.malformed);
    for (const event of chunk.events) {
      if (!batch.size.add(event)) return MAXIMUM_APPEND_SIZE_EXCEEDED;
      batch.events.push(event);
    }
    return null;
  }

  function refuse(chunk: BatchAppendChunk, key: string, stream: string, error: BatchAppendError): void {
    forget(key);
    // Later chunks of it must not be answered again.
    if (!chunk.isFinal) open.set(key, 'answered');
    send(encodeBatchAppendError(chunk.correlation, stream, error));
  }

  function forget(key: string): void {
    const batch = open.get(key);
    if (typeof batch === 'object') clearTimeout(batch.timer);
    open.delete(key);
  }

  function submit(correlation: Buffer, key: string, batch: OpenBatch): void {
    if (open.size > 0) forget(key);
    unanswered++;
    const { target, events, deadlineMs } = batch;
    log.submit({ kind: 'append', ...target, events, deadlineMs }, (outcome) => {
      unanswered--;
      send(encodeOutcome(correlation, target, outcome));
      if (unanswered === 0 && stopping.aborted) fail(shuttingDown());
      else if (unanswered === 0 && ended) finish();
      else if (unanswered <= MAX_UNANSWERED / 2) resume();
    });
    if (unanswered >= MAX_UNANSWERED) call.pause();
  }

  function send(message: Buffer): void {
    if (done) return;
    if (!call.write(message)) call.pause();
  }

  function resume(): void {
    if (!done && !stopping.aborted && unanswered < MAX_UNANSWERED && !call.writableNeedDrain) call.resume();
  }

  function finish(): void {
    if (done) return;
    release();
    call.end();
  }

  function fail(error: unknown): void {
    if (done) return;
    release();
    call.emit('error', toCallError(error));
  }

  function release(): void {
    done = true;
    for (const key of [...open.keys()]) forget(key);
    stopping.removeEventListener('abort', stop);
  }

  /** What was submitted is still answered: otherwise the client could not know what became of it. */
  function stop(): void {
    call.pause();
    if (unanswered === 0) fail(shuttingDown());
  }

  stopping.addEventListener('abort', stop);
  call.on('data', (message: Buffer) => {
    if (done) return;
    try {
      receive(message);
    } catch (error) {
      fail(error);
    }
  });
  call.on('drain', resume);
  call.on('end', () => {
    ended = true;
    if (unanswered === 0) finish();
  });
  call.on('cancelled', release);
  call.on('error', release);
}

function tooManyOpenBatches(): CallError {
  return new CallError(status.RESOURCE_EXHAUSTED, `more than ${MAX_OPEN_BATCHES} batches are unfinished`);
}

const noDetail = (): void => {};

const TIMEOUT: BatchAppendError = { code: status.DEADLINE_EXCEEDED, message: 'Timeout', detail: 'Timeout', writeDetail: noDetail };

const MAXIMUM_APPEND_SIZE_EXCEEDED: BatchAppendError = {
  code: status.INVALID_ARGUMENT,
  message: `Maximum Append Size of ${MAX_APPEND_BYTES} Exceeded.`,
  detail: 'MaximumAppendSizeExceeded',
  writeDetail: (detail) => detail.varint(1, MAX_APPEND_BYTES),
};

function badRequest(message: string): BatchAppendError {
  return { code: status.INVALID_ARGUMENT, message, detail: 'BadRequest', writeDetail: (detail) => detail.string(1, message) };
}

function encodeOutcome(correlation: Buffer, { stream, expected }: Target, outcome: WriteOutcome): Buffer {
  switch (outcome.kind) {
    case 'written':
      return encodeBatchAppendSuccess(correlation, stream, expected, outcome.revision, outcome.position);
    case 'conflict':
      return encodeBatchAppendError(correlation, stream, wrongExpectedVersion(expected, outcome.current));
    case 'deleted':
      return encodeBatchAppendError(correlation, stream, {
        code: status.FAILED_PRECONDITION,
        message: `Event stream '${outcome.stream}' is deleted.`,
        detail: 'StreamDeleted',
        writeDetail: (detail) => encodeStreamIdentifier(detail, 1, outcome.stream),
      });
    case 'expired':
      return encodeBatchAppendError(correlation, stream, TIMEOUT);
    case 'refused':
    case 'unknown':
      return encodeBatchAppendError(correlation, stream, {
        code: outcome.kind === 'refused' ? status.RESOURCE_EXHAUSTED : status.UNKNOWN,
        message: outcome.reason,
        detail: 'Unknown',
        writeDetail: noDetail,
      });
    default:
      return assertNever(outcome);
  }
}

function wrongExpectedVersion(expected: Target['expected'], current: number | null): BatchAppendError {
  return {
    code: status.FAILED_PRECONDITION,
    message: 'WrongExpectedVersion',
    detail: 'WrongExpectedVersion',
    writeDetail: (detail) => {
      if (current === null) detail.empty(2);
      else detail.varint(1, wireRevision(current));
      if (expected === 'any') detail.empty(4);
      else if (expected === 'stream_exists') detail.empty(5);
      else if (expected === 'no_stream') detail.empty(6);
      else detail.varint(3, wireRevision(expected));
    },
  };
}
