// The document: it is the one that is committed, it is valid, what it shows is true, and a client can be made from it.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANY_REQUEST } from '../../src/api/openapi.ts';
import { ROUTES } from '../../src/api/routes/all.ts';
import { REJECTIONS } from '../../src/domain/rejections.ts';
import { accessInWords, accessTo } from '../../src/identity/access.ts';
import type { TestApi } from './api-stack.ts';
import { fundedAccount, startTestApi } from './api-stack.ts';
import type { DocumentCheck } from './document-check.ts';
import { ApiDocument, makeDocumentCheck } from './document-check.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const bin = (name: string): string => join(ROOT, 'node_modules/.bin', name);

let api: TestApi;
let document: ApiDocument;
let check: DocumentCheck;
/** A project of its own that has the document, as somebody would have who is about to write a client. */
let project: string;
beforeAll(async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  api = await startTestApi({ app: { version } });
  document = ApiDocument.parse(api.app.swagger());
  check = makeDocumentCheck(document);
  project = await mkdtemp(join(tmpdir(), 'ledger-client-'));
  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  await writeFile(join(project, 'package.json'), '{"type":"module"}');
  await writeFile(join(project, 'openapi.json'), written());
});
afterAll(async () => {
  await rm(project, { recursive: true });
  await api.close();
});

const written = (): string => `${JSON.stringify(api.app.swagger(), undefined, 2)}\n`;

test('docs/openapi.json is current (write it anew with: npx vitest run test/api/openapi.spec.ts -u)', async () => {
  await expect(written()).toMatchFileSnapshot(join(ROOT, 'docs/openapi.json'));
});

test('it lints without an error', async () => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { stdout } = await run(bin('redocly'), ['lint', 'openapi.json', '--extends=recommended', '--format=json'], { cwd: project, env });
  expect(JSON.parse(stdout).totals).toMatchObject({ errors: 0 });
});

const operations = ROUTES.map((route) => ({ ...route, operationId: route.doc.operationId }));

test('every operation has an id of its own', () => {
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
});

describe.each(operations)('$operationId', ({ method, path, doc }) => {
  const operation = () => {
    const found = document.paths[path]?.[method.toLowerCase()];
    if (found === undefined) throw new Error(`${method} ${path} is not in the document`);
    return found;
  };
  const at = (...steps: readonly string[]) => ['paths', path, method.toLowerCase(), ...steps];

  test('its examples are what its schemas ask for', () => {
    for (const [mediaType, { example }] of Object.entries(operation().requestBody?.content ?? {}))
      expect(check.faultsAt(at('requestBody', 'content', mediaType, 'schema'), example)).toEqual([]);
    for (const [status, { content = {} }] of Object.entries(operation().responses))
      for (const [mediaType, { example, examples = {} }] of Object.entries(content)) {
        const schema = at('responses', status, 'content', mediaType, 'schema');
        if (mediaType === 'application/json') expect(check.faultsAt(schema, example)).toEqual([]);
        for (const code of Object.keys(examples)) expect(check.faultsAt(schema, document.components.examples[code]?.value)).toEqual([]);
      }
  });

  test('it lists the codes that it may answer with, each under its status', () => {
    const listed = Object.entries(operation().responses).flatMap(([status, { content }]) =>
      Object.keys(content?.['application/problem+json']?.examples ?? {}).map((code) => [Number(status), code]),
    );
    expect(listed.map(([, code]) => code).toSorted()).toEqual([...new Set<string>([...doc.problems, ...ANY_REQUEST])].toSorted());
    for (const [status, code] of listed) if (code !== 'internal_error') expect(REJECTIONS).toHaveProperty(`${code}.status`, status);
  });

  test('it says who may use it, and whether it asks who asks', () => {
    const access = accessTo(method, path);
    expect(operation().description).toContain(`For: ${accessInWords(access)}.`);
    // What is anyone's may take credentials of another kind: a cookie, a client's secret.
    if (access === 'anyone') expect(operation().security).not.toContainEqual({ bearer: [] });
    else expect(operation().security).toEqual([{ bearer: [] }]);
  });
});

const CLIENT_USE = `
import { defaults, deposit, getBalance, withdraw } from './client.ts';

defaults.baseUrl = process.env['API_URL'] ?? '';
const accountId = process.env['ACCOUNT_ID'] ?? '';
const paid = await deposit(accountId, { asset: 'USD', amount: '2.50' }, { idempotencyKey: 'generated-1' });
if (paid.status !== 201) throw new Error(JSON.stringify(paid.data));
const balance = await getBalance(accountId, 'USD', { minPosition: paid.data.position });
if (balance.status !== 200) throw new Error('no balance');
const refused = await withdraw(accountId, { asset: 'USD', amount: '99.00' }, { idempotencyKey: 'generated-2' });
const code: 'insufficient_funds' | undefined = refused.status === 422 && refused.data.code === 'insufficient_funds' ? refused.data.code : undefined;
console.log(JSON.stringify({ total: balance.data.total, code }));
`;

test('a client is generated from it, passes the type checker, and works', async () => {
  await run(bin('oazapfts'), ['openapi.json', 'client.ts'], { cwd: project });
  await writeFile(join(project, 'use.ts'), CLIENT_USE);
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', '--allowImportingTsExtensions'];
  await run(bin('tsc'), [...options, '--types', 'node', 'use.ts'], { cwd: project });
  const env = { ...process.env, API_URL: api.url, ACCOUNT_ID: await fundedAccount(api, '1.00') };
  const { stdout } = await run(bin('node'), ['use.ts'], { cwd: project, env });
  expect(JSON.parse(stdout)).toEqual({ total: '3.50', code: 'insufficient_funds' });
});
