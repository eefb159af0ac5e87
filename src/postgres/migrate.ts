// Migrations: numbered TypeScript files that are only ever added to.
import { readdir } from 'node:fs/promises';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';
import { Migrator } from 'kysely/migration';

/** `ledger`: the projections, which can be rebuilt. `identity`: what cannot. Each keeps its own account of what was run. */
export type MigrationSet = 'ledger' | 'identity';

const FILE = /^([0-9]{4}-[a-z0-9-]+)\.ts$/;

const isMigration = (module: unknown): module is Migration =>
  typeof module === 'object' && module !== null && 'up' in module && typeof module.up === 'function';

function migrationsIn(folder: URL): MigrationProvider {
  return {
    getMigrations: async () => {
      const names = (await readdir(folder)).flatMap((file) => FILE.exec(file)?.[1] ?? []).sort();
      const migrations: Record<string, Migration> = {};
      for (const name of names) {
        const module: unknown = await import(new URL(`${name}.ts`, folder).href);
        if (!isMigration(module)) throw new Error(`migration ${name} exports no function "up"`);
        migrations[name] = module;
      }
      return migrations;
    },
  };
}

/**
 * Runs what was not yet run, in the connection's current schema, in one transaction. Safe to call from many processes at a
 * time: one runs them, the others wait and find nothing to do.
 * @returns the names of the migrations that this call ran.
 * @throws the error of the migration that failed; nothing of this call is kept then.
 */
export async function migrate<Tables>(db: Kysely<Tables>, set: MigrationSet): Promise<readonly string[]> {
  const { rows } = await sql<{ schema: string | null }>`SELECT current_schema() AS schema`.execute(db);
  const schema = rows[0]?.schema;
  if (schema == null) throw new Error('the connection has no schema to make tables in: the one in its search_path does not exist');
  const migrator = new Migrator({
    db,
    provider: migrationsIn(new URL(`../../migrations/${set}/`, import.meta.url)),
    migrationTableSchema: schema,
    migrationTableName: `${set}_migrations`,
    migrationLockTableName: `${set}_migrations_lock`,
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return results.filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName);
}

/** Whether there is a table of that name, in the schema in which the connection looks. */
export async function hasTable<Tables>(db: Kysely<Tables>, name: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`SELECT to_regclass(format('%I', ${name}::text)) IS NOT NULL AS found`.execute(db);
  return rows[0]?.found === true;
}
