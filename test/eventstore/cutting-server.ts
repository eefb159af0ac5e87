// An event store server that cuts off slow live subscribers, as EventStoreDB does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../packages/embedded-eventstore/src/bin.ts', import.meta.url));

/** Starts it in memory, in a process of its own; `liveBuffer` events may wait for a live subscriber. */
export async function startCuttingServer(liveBuffer: number): Promise<AsyncDisposable & { readonly url: string }> {
  const server = spawn(process.execPath, [program, '--port', '0', '--memory', '--live-buffer', `${liveBuffer}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(server, 'exit');
  for await (const line of createInterface(server.stdout)) {
    const url = /esdb:\/\/\S+/.exec(line)?.[0];
    if (url === undefined) continue;
    return {
      url,
      [Symbol.asyncDispose]: async () => {
        server.kill('SIGTERM');
        await exited;
      },
    };
  }
  throw new Error('the event store ended before it was ready');
}
