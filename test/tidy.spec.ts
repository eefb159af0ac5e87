// The style rules that a machine can check, checked over what git tracks or would track.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n');
const sources = files.filter((file) => /\.ts$/.test(file) && !isGenerated(file));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const offenders = (pattern: RegExp, among = sources): string[] =>
  among.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
  );

test('a source file has at most 350 lines', () => {
  const long = sources.filter((file) => /^(src|packages\/[^/]+\/src)\//.test(file)).filter((file) => read(file).split('\n').length > 351);
  expect(long).toEqual([]);
});

test('files and folders have kebab-case names', () => {
  const word = /^[a-z0-9]+(-[a-z0-9]+)*$/;
  const bad = sources.filter(
    (file) =>
      !word.test(basename(file).replace(/(\.(spec|contract|config))?\.ts$/, '')) ||
      dirname(file)
        .split('/')
        .some((folder) => folder !== '.' && !word.test(folder)),
  );
  expect(bad).toEqual([]);
});

test('no file is named for what it is not about', () => {
  const vague = /^(utils?|helpers?|common|types?|misc|shared|index|lib)$/;
  const bad = sources.filter((file) =>
    file
      .replace(/\.ts$/, '')
      .split('/')
      .some((part) => vague.test(part)),
  );
  expect(bad).toEqual([]);
});

test('no test is skipped, singled out or left to be written', () => {
  const marker = /\b(test|it|describe|bench|suite)(\.\w+)*\.(skip|only|todo|skipIf|runIf|fails)\b/;
  expect(offenders(marker, except('test/tidy.spec.ts'))).toEqual([]);
});

test('the type checker and the rules that matter most are not silenced', () => {
  // `any` and `!` are the linter's to find; a comment must not stop it, or the compiler, from saying so.
  const silenced = /@ts-(ignore|nocheck)|biome-ignore.*(noExplicitAny|noNonNullAssertion|noRestrictedImports)/;
  expect(offenders(silenced, except('test/tidy.spec.ts'))).toEqual([]);
});

test('the domain knows no clock, no chance and no process', () => {
  const impure = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\brandomUUID\(|\bprocess\.|\bsetTimeout\(|\bfetch\(/;
  expect(
    offenders(
      impure,
      sources.filter((file) => file.startsWith('src/domain/')),
    ),
  ).toEqual([]);
});

function except(...excluded: string[]): string[] {
  return sources.filter((file) => !excluded.includes(file));
}

function isGenerated(file: string): boolean {
  return /(^|\/)generated\//.test(file);
}
