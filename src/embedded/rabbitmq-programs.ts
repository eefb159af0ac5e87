import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export interface RabbitMqPrograms {
  readonly server: string;
  /** Erlang's port mapper: nodes find each other's distribution ports there, and no node starts without one. */
  readonly epmd: string;
}

/** Where packages put the server's own script. What Debian puts on the path runs as another user, with other folders. */
const FOLDERS = ['/usr/lib/rabbitmq/bin', '/opt/rabbitmq/sbin', '/opt/homebrew/opt/rabbitmq/sbin', '/usr/local/opt/rabbitmq/sbin'];

/** The programs of a RabbitMQ that is installed on this machine; undefined where none is. */
export function rabbitMqPrograms(): RabbitMqPrograms | undefined {
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  const server = firstExecutable('rabbitmq-server', [...FOLDERS, ...path]);
  const epmd = firstExecutable('epmd', [...path, '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/opt/erlang/lib/erlang/bin']);
  return server === undefined || epmd === undefined ? undefined : { server, epmd };
}

function firstExecutable(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
