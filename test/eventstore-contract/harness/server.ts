import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../../packages/embedded-eventstore/src/bin.ts', import.meta.url));
const startTimeoutMs = 20_000;

export interface ServerUnderTest {
  /** Connection string of the official client. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Whether `EVENTSTORE_URL` names the server under test: one for all files. */
export const isGiven = (): boolean => (process.env['EVENTSTORE_URL'] ?? '') !== '';

/** The server under test: the one that is given, else an embedded one for this file, in a child process. */
export async function startServerUnderTest(): Promise<ServerUnderTest> {
  if (isGiven()) return { url: process.env['EVENTSTORE_URL'] ?? '', stop: async () => {} };
  const server = spawn(process.execPath, [bin, '--host', '127.0.0.1', '--port', '0', '--memory'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const stop = async () => {
    server.kill('SIGTERM');
    await exited;
  };
  try {
    return { url: await firstUrl(server.stdout, exited), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function firstUrl(output: NodeJS.ReadableStream, exited: Promise<void>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no connection string within ${startTimeoutMs} ms`)), startTimeoutMs);
    let seen = '';
    output.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      const url = /esdb:\/\/\S+/.exec(seen)?.[0];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
    exited.then(() => {
      clearTimeout(timer);
      reject(new Error('the embedded event store exited before it was ready'));
    });
  });
}
