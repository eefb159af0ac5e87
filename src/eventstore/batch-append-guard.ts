// The client's BatchAppend keeps one map of pending appends for the whole process and hands requests over through a queue
// of its own. Three things in there would take the process down, or leave an append without an end, when a connection is
// lost under load. They are mended at the one gRPC call that it all goes through; nothing else of the client is touched.
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';

type BatchAppendCall = ReturnType<StreamsClient['batchAppend']>;
type Listener = (...args: readonly unknown[]) => void;

const guarded = Symbol('ledger: batch append is guarded');

function guard(call: BatchAppendCall): BatchAppendCall {
  const write = call.write.bind(call);
  // The client's queue waits for 'drain' while the stream's buffer is full, and rejects what still waits when the connection
  // goes: inside a promise nobody can catch, which ends the process. Said to be never full, the stream is never queued for.
  // What is buffered is bounded by the ledger's own mailboxes.
  call.write = (request: unknown) => {
    Reflect.apply(write, call, [request]);
    return true;
  };
  const on = call.on.bind(call);
  // A lost connection empties the map for every other connection too; the answers that come over those afterwards find
  // nothing and throw a TypeError out of an event handler. Their appends have been told already that the outcome is unknown.
  const forgiving =
    (listener: Listener): Listener =>
    (answer) => {
      try {
        listener(answer);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    };
  Object.defineProperty(call, 'on', {
    value: (event: string, listener: Listener) => on(event, event === 'data' ? forgiving(listener) : listener),
  });
  // A server that shuts down politely ends the call without an error, and the client then tells nobody.
  let failed = false;
  on('error', () => {
    failed = true;
  });
  on('end', () => {
    if (!failed) call.emit('error', new Error('the event store ended the append call'));
  });
  return call;
}

/** Mends the client's BatchAppend for this process. Calling it again changes nothing. */
export function guardBatchAppend(): void {
  if (Object.hasOwn(StreamsClient.prototype, guarded)) return;
  const open = StreamsClient.prototype.batchAppend;
  Object.defineProperty(StreamsClient.prototype, guarded, { value: true });
  Object.defineProperty(StreamsClient.prototype, 'batchAppend', {
    value(this: StreamsClient, ...args: Parameters<typeof open>): BatchAppendCall {
      return guard(Reflect.apply(open, this, args));
    },
  });
}
