import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { offerNode } from './rabbitmq-server.ts';
import { scratchFolder } from './scratch-folder.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Postgres server of this run, with the right to create databases. Use `startPostgres()` instead. */
    postgresUrl: string;
    /** Where a RabbitMQ node is to be had. Use `freshVhost()` instead. */
    rabbitMqOnDemand: string;
  }
}

/**
 * Starts one Postgres server for the whole run, and one RabbitMQ node if a test file asks for it; every file gets a database
 * of its own on the one, a virtual host of its own on the other.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await scratchFolder();
  const server = await startEmbeddedPostgres({
    dataDir,
    // The data does not outlive the run. Killing the server still loses nothing: only a power cut would.
    settings: { fsync: 'off', full_page_writes: 'off', shared_buffers: '128MB', max_connections: '200' },
  });
  project.provide('postgresUrl', server.url);
  const broker = await offerNode();
  project.provide('rabbitMqOnDemand', broker.url);
  return async () => {
    await broker.close();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
