import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { isRunning } from './process-identity.ts';

const serversSchema = z.object({
  /** Where the API answers; absent in a process without the role `api`. */
  apiUrl: z.url().optional(),
  eventstoreUrl: z.string(),
  databaseUrl: z.string(),
  amqpUrl: z.string().optional(),
});

const runtimeSchema = serversSchema.extend({
  /** The ledger's process. When it is gone, so are its embedded servers, and the file means nothing. */
  pid: z.int().positive(),
});

/** The servers of a running ledger. The URLs hold passwords. */
export type RunningServers = z.output<typeof serversSchema>;

const fileOf = (dataDir: string): string => join(resolve(dataDir), 'runtime.json');

/**
 * Tells the other verbs of this data folder where the running servers are, in `runtime.json` (mode 0600).
 * Written in one step: a reader sees a whole file or none. The caller holds the lock of the data folder.
 *
 * @returns a function that removes the file, for a clean stop.
 */
export function writeRuntimeFile(dataDir: string, servers: RunningServers): () => void {
  const file = fileOf(dataDir);
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify({ ...servers, pid: process.pid }, null, 2)}\n`, { mode: 0o600 });
  // The mode above counts only where the file is new.
  chmodSync(draft, 0o600);
  renameSync(draft, file);
  return () => rmSync(file, { force: true });
}

/**
 * The servers of the ledger that runs on this data folder; undefined when none does. A file that a killed ledger left
 * behind is recognised by its process being gone. One whose process id was given to another process since is not:
 * connecting then fails, as it does for any server that is down.
 */
export function readRuntimeFile(dataDir: string): RunningServers | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(dataDir), 'utf8');
  } catch {
    return undefined;
  }
  const { pid, ...servers } = runtimeSchema.parse(JSON.parse(text));
  return isRunning(pid) ? servers : undefined;
}
