// The linter's import rules, tried: one violation of each is planted in a copy of the configuration and must be found.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');
const biome = join(root, 'node_modules/.bin/biome');

/** From the inside out: a folder may import its own level and what stands before it. */
const levels = [
  ['domain'],
  ['eventstore', 'postgres'],
  ['projections', 'identity'],
  ['commands'],
  ['api', 'rabbitmq', 'consumers', 'audit', 'telemetry'],
  ['cli'],
] as const;
const folders = levels.flat();
const levelOf = (folder: string): number => levels.findIndex((level) => level.some((member) => member === folder));

interface Planted {
  readonly folder: string;
  readonly imported: string;
}

const outwards: Planted[] = folders.flatMap((folder) =>
  folders.filter((other) => levelOf(other) > levelOf(folder)).map((other) => ({ folder, imported: `../${other}/planted.ts` })),
);
const inwards: Planted[] = folders.flatMap((folder) =>
  folders.filter((other) => levelOf(other) < levelOf(folder)).map((other) => ({ folder, imported: `../${other}/planted.ts` })),
);
const reservedTo = (packageName: string, owners: readonly string[]): { allowed: Planted[]; forbidden: Planted[] } => ({
  allowed: owners.map((folder) => ({ folder, imported: packageName })),
  forbidden: [...folders, 'embedded', '.']
    .filter((folder) => !owners.includes(folder))
    .map((folder) => ({ folder, imported: packageName })),
});
const packages = [
  reservedTo('@eventstore/db-client', ['eventstore']),
  reservedTo('@eventstore/db-client/generated/streams_pb', ['eventstore']),
  reservedTo('amqplib', ['rabbitmq']),
  reservedTo('kysely', ['postgres', 'projections', 'identity']),
  reservedTo('pg', ['postgres', 'projections', 'identity']),
];

const forbidden: Planted[] = [
  ...outwards,
  ...packages.flatMap((rule) => rule.forbidden),
  { folder: 'eventstore', imported: '../postgres/planted.ts' },
  { folder: 'postgres', imported: '../eventstore/planted.ts' },
  // Only main.ts wires.
  ...folders.filter((folder) => folder !== 'cli').map((folder) => ({ folder, imported: '../main.ts' })),
  { folder: 'domain', imported: '../config.ts' },
  { folder: 'commands', imported: '../config.ts' },
  { folder: 'api', imported: '../config.ts' },
  ...folders.filter((folder) => folder !== 'cli').map((folder) => ({ folder, imported: '../embedded/planted.ts' })),
  ...['domain', 'commands', 'api'].map((folder) => ({ folder: 'embedded', imported: `../${folder}/planted.ts` })),
  // The domain is pure.
  ...['node:fs', 'node:fs/promises', 'node:net', 'node:timers/promises', 'node:process'].map((imported) => ({
    folder: 'domain',
    imported,
  })),
  // A folder below a folder is not a way around.
  { folder: 'domain/deeper', imported: '../../commands/planted.ts' },
];
const allowed: Planted[] = [
  ...inwards,
  ...packages.flatMap((rule) => rule.allowed),
  { folder: 'domain', imported: 'node:crypto' },
  { folder: 'domain', imported: 'zod' },
  { folder: 'domain', imported: './commands.ts' },
  { folder: 'consumers', imported: '../rabbitmq/planted.ts' },
  { folder: 'cli', imported: '../main.ts' },
  { folder: '.', imported: './commands/planted.ts' },
];

let sandbox: string;
let found: Set<string>;

beforeAll(() => {
  sandbox = mkdtempSync(join(tmpdir(), 'ledger-imports-'));
  const configuration = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  writeFileSync(join(sandbox, 'biome.json'), JSON.stringify({ ...configuration, vcs: { enabled: false } }));
  cpSync(join(root, 'biome-imports.json'), join(sandbox, 'biome-imports.json'));
  for (const planted of [...forbidden, ...allowed]) {
    const file = join(sandbox, fileOf(planted));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `import '${planted.imported}';\n`);
  }
  const lint = spawnSync(biome, ['lint', '--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=none', '.'], {
    cwd: sandbox,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const report = z
    .object({ diagnostics: z.array(z.object({ category: z.string(), severity: z.string(), location: z.object({ path: z.string() }) })) })
    .parse(JSON.parse(lint.stdout));
  expect(report.diagnostics.map(({ category, severity }) => `${category} ${severity}`)).not.toHaveLength(0);
  found = new Set(
    report.diagnostics
      .filter(({ category, severity }) => category === 'lint/style/noRestrictedImports' && severity === 'error')
      .map(({ location }) => relative('.', location.path)),
  );
});

afterAll(() => rmSync(sandbox, { recursive: true, force: true }));

test.each(forbidden)('src/$folder must not import $imported', (planted) => {
  expect(found).toContain(fileOf(planted));
});

test('what the directions allow is not complained about', () => {
  expect(allowed.map(fileOf).filter((file) => found.has(file))).toEqual([]);
});

test('every folder of src has a place in the order', () => {
  const existing = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(existing.map(({ name }) => name).filter((name) => name !== 'embedded' && levelOf(name) < 0)).toEqual([]);
});

function fileOf({ folder, imported }: Planted): string {
  return join('src', folder, `imports-${imported.replaceAll(/[^a-z]+/g, '-')}.ts`);
}
