import type { ServerWritableStream } from '@grpc/grpc-js';

/** The way to one reader. Nothing is buffered beyond what the connection takes. */
export interface Outlet {
  /** False when the reader is not keeping up: await `drained` before sending more. */
  send(message: Buffer): boolean;
  /** Resolves when more can be sent, and at once when the call is over. */
  drained(): Promise<void>;
  /** True once the client has gone or the server is stopping: sending is pointless. */
  closed(): boolean;
  /** Calls back when the call is over. */
  onClosed(listener: () => void): void;
}

export function createOutlet(call: ServerWritableStream<Buffer, Buffer>, stopping: AbortSignal): Outlet {
  let closed = call.cancelled || stopping.aborted;
  const listeners: (() => void)[] = [];
  let resume: (() => void) | null = null;

  function close(): void {
    if (closed) return;
    closed = true;
    stopping.removeEventListener('abort', close);
    wake();
    for (const listener of listeners) listener();
  }

  function wake(): void {
    const waiting = resume;
    resume = null;
    waiting?.();
  }

  call.on('cancelled', close);
  call.on('finish', close);
  call.on('drain', wake);
  stopping.addEventListener('abort', close);

  return {
    send: (message) => closed || call.write(message),
    drained: () =>
      closed || !call.writableNeedDrain
        ? Promise.resolve()
        : new Promise((resolve) => {
            resume = resolve;
          }),
    closed: () => closed,
    onClosed: (listener) => {
      if (closed) listener();
      else listeners.push(listener);
    },
  };
}
