import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    eventstoreUrl: string;
  }
}

const bin = fileURLToPath(new URL('../../../packages/embedded-eventstore/src/bin.ts', import.meta.url));
const startTimeoutMs = 20_000;

/** Provides the connection string of the server under test; starts the embedded one in a child process when none is given. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['EVENTSTORE_URL'];
  if (given !== undefined && given !== '') {
    project.provide('eventstoreUrl', given);
    return async () => {};
  }
  const server = spawn(process.execPath, [bin, '--host', '127.0.0.1', '--port', '0', '--memory'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const stop = async () => {
    server.kill('SIGTERM');
    await exited;
  };
  try {
    project.provide('eventstoreUrl', await firstUrl(server.stdout, exited));
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
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
