// Anything may be sent to the API. Every route of the document that it serves is asked in ways that were meant and in ways that were
// not; what comes back must be what the document says, and the books must hold what the answers told, and nothing else.
//
// FUZZ_REQUESTS (10,000) and FUZZ_SEED say how many, and which. FUZZ_ONLY=<number> sends that one of them, alone, and shows it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BuiltInIssuer } from '../../src/identity/identity.ts';
import { withDatabase } from '../scenarios/audit/tables.ts';
import { expectBalancedBooks } from '../scenarios/books.ts';
import { eventually } from '../scenarios/eventually.ts';
import { readLog } from '../scenarios/log.ts';
import type { TestApi } from './api-stack.ts';
import { startTestApi } from './api-stack.ts';
import type { DocumentCheck } from './document-check.ts';
import { ApiDocument, makeDocumentCheck } from './document-check.ts';
import type { Asker, Draft } from './fuzz/draft.ts';
import { bytesOf } from './fuzz/draft.ts';
import type { Exchange } from './fuzz/exchange.ts';
import { exchange } from './fuzz/exchange.ts';
import type { Credentials, Post } from './fuzz/furnished-ledger.ts';
import { credentialsKnown, cursorsOf, furnished, PRINCIPALS } from './fuzz/furnished-ledger.ts';
import { fuzzedRequest } from './fuzz/fuzzed-request.ts';
import { faultsOf } from './fuzz/judge.ts';
import { keptBytes } from './fuzz/kept-bytes.ts';
import { fuzzedApi } from './fuzz/operations.ts';
import { makeRandom } from './fuzz/random.ts';
import type { ToldOutcomes } from './fuzz/told-outcomes.ts';
import { makeToldOutcomes } from './fuzz/told-outcomes.ts';
import type { Setting } from './fuzz/valid-requests.ts';
import { validRequest } from './fuzz/valid-requests.ts';

const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 10_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const ONLY = process.env['FUZZ_ONLY'];
const AT_ONCE = 24;
/** As many findings are shown: one defect makes hundreds. */
const SHOWN = 10;
/** As much of a request is shown. */
const SHOWN_BYTES = 3_000;
/** What a request may leave behind in memory: the line that is logged of it, and a good deal for what is counted and cached. */
const KEPT_BYTES_A_REQUEST = 8_192;
const MOST_ATTEMPTS = 1_000;
const USERS = 5;
const SESSIONS_EACH = 6;
const PASSWORD = 'correct horse battery staple';
const PINO_ERROR = 50;

let api: TestApi;
let setting: Setting;
let check: DocumentCheck;
let told: ToldOutcomes;
/** The log's end before the first of the requests. */
let furnishedUpTo: bigint;
const portOf = ({ url }: TestApi): number => Number(new URL(url).port);
const ledgerLog = () => readLog(api.stack.stores.eventStore.url, 'account-', 'asset-');

beforeAll(async () => {
  api = await startTestApi({
    authentication: 'tokens',
    app: {
      edge: { maxRequests: 2_000, anonymousRequestsPerSecond: 0, corsOrigins: ['https://app.test'], trustProxy: ['127.0.0.1'] },
    },
  });
  const issuer = api.identity.builtIn;
  if (issuer === undefined) throw new Error('nobody can log in');
  const askers = await Promise.all(
    PRINCIPALS.map(async ({ role, subject }): Promise<Asker> => {
      const issued = await issuer.tokens.issue({ subject, role, name: subject });
      return { name: role, authorization: `Bearer ${issued.accessToken}`, actor: subject };
    }),
  );
  const post: Post = async (path, body, { authorization = '' }) => (await api.post(path, body, { authorization })).body;
  const there = { ...(await furnished(post, askers)), ...credentialsKnown(await loggedIn(issuer)) };
  const document = api.app.swagger();
  const lists = { api: fuzzedApi(document), there, askers: askers.filter(({ name }) => name === 'operator') };
  const cursor = await cursorsOf(portOf(api), lists);
  setting = { ...lists, there: { ...there, cursor }, askers: [...askers, { name: 'nobody' }] };
  check = makeDocumentCheck(ApiDocument.parse(document));
  told = makeToldOutcomes();
  furnishedUpTo = await eventually('all transfers have ended', allEnded);
});
afterAll(() => api.close());

/** Users with sessions, and clients. */
async function loggedIn({ users, refreshTokens, clients }: BuiltInIssuer): Promise<Credentials> {
  const names = Array.from({ length: USERS }, (_, index) => `fuzz-${index}`);
  const tokens: string[] = [];
  for (const name of names) {
    const registration = await users.register({ name, password: PASSWORD });
    if (registration.kind !== 'registered') throw new Error(`${name} is ${registration.kind}`);
    for (let session = 0; session < SESSIONS_EACH; session += 1) tokens.push(await refreshTokens.begin(registration.user.userId));
  }
  const secret = await clients.create('fuzz-client', 'producer');
  if (secret === undefined) throw new Error('there is a client already');
  return { names, passwords: [PASSWORD], refreshTokens: tokens, clients: [{ id: 'fuzz-client', secret }] };
}

/** The log's end, once the ledger has done by itself what it was going to do. */
async function allEnded(): Promise<bigint | undefined> {
  const end = (await ledgerLog()).at(-1)?.position ?? -1n;
  return withDatabase(api.stack.stores.database.url, async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT position FROM checkpoint) >= $1::numeric
      AND NOT EXISTS (SELECT FROM transfers WHERE state = 'pending') AS ended`,
      [String(end)],
    );
    return rows[0]?.ended === true ? end : undefined;
  });
}

const send = (draft: Draft): Promise<Exchange> =>
  exchange(portOf(api), bytesOf(draft), { isToHead: draft.method === 'HEAD', isIncomplete: draft.isIncomplete === true });

/** The request whole, how it can be had again, and what came back. */
function report(index: number, draft: Draft, { answers, ending }: Exchange, faults: readonly string[]): string {
  const bytes = bytesOf(draft);
  return [
    `FUZZ_SEED=${SEED} FUZZ_ONLY=${index}: ${draft.operation.operationId} by ${draft.asker.name}, bent: ${draft.bends.join(', ') || 'not'}`,
    ...faults.map((fault) => `  ${fault}`),
    JSON.stringify(bytes.subarray(0, SHOWN_BYTES).toString('latin1')) + (bytes.length > SHOWN_BYTES ? ` … ${bytes.length} bytes` : ''),
    ...answers.map(({ status, headers, body }) => `-> ${status} ${JSON.stringify(headers)} ${body.subarray(0, SHOWN_BYTES)}`),
    `-> ${ending}`,
  ].join('\n');
}

/** Sends the requests of these numbers, several at once; what is wrong with the answers. */
async function fuzzed(from: number, to: number): Promise<string[]> {
  const findings: string[] = [];
  let next = from;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < to; index = next++) {
      const draft = fuzzedRequest(setting, SEED, index);
      const exchanged = await send(draft);
      const faults = faultsOf(draft, exchanged, check);
      if (ONLY !== undefined) console.info(report(index, draft, exchanged, faults));
      if (faults.length > 0) findings.push(report(index, draft, exchanged, faults));
      else told.note(draft, exchanged);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return findings;
}

/** Operations that none of many well-formed requests succeed at: bending what comes no further than the door would show little. */
async function neverAnsweredWell(): Promise<string[]> {
  const never = await Promise.all(
    setting.api.operations.map(async (operation, nth) => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
        const draft = validRequest(operation, setting, `valid-${SEED}-${nth}-${attempt}`, makeRandom(SEED, -nth * MOST_ATTEMPTS - attempt));
        const exchanged = await send(draft);
        told.note(draft, exchanged);
        if (exchanged.answers.some(({ status }) => status < 300)) return [];
      }
      return [operation.operationId];
    }),
  );
  return never.flat();
}
const expectNone = (findings: readonly string[]): void =>
  expect(findings.slice(0, SHOWN).join('\n\n'), `${findings.length} findings`).toBe('');

test('whatever is sent is answered as the document says, and leaves nothing behind but what was told', { timeout: 3_600_000 }, async () => {
  const [first, end] = ONLY === undefined ? [0, REQUESTS] : [Number(ONLY), Number(ONLY) + 1];
  const warm = first + Math.ceil((end - first) / 4);
  expect(ONLY === undefined ? await neverAnsweredWell() : []).toEqual([]);
  const found = await fuzzed(first, warm);
  const keptAtFirst = keptBytes();
  expectNone([...found, ...(await fuzzed(warm, end))]);
  expect(keptBytes() - keptAtFirst).toBeLessThan(KEPT_BYTES_A_REQUEST * Math.max(end - warm, 1_000));

  expect(api.logged.filter((line) => JSON.parse(line).level >= PINO_ERROR)).toEqual([]);
  const signatures = setting.askers.flatMap(({ authorization }) => authorization?.split('.').at(-1) ?? []);
  const { refresh_token: cookies = [], client_secret: clientSecrets = [] } = setting.there;
  const secrets = [...signatures, ...cookies, ...clientSecrets, PASSWORD];
  expect(api.logged.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
  expect((await api.get('/health/live')).status).toBe(200);

  await eventually('all transfers have ended', allEnded);
  const { eventStore, database } = api.stack.stores;
  const { log } = await expectBalancedBooks({ eventStoreUrl: eventStore.url, databaseUrl: database.url });
  expectNone(told.faultsIn(log, furnishedUpTo));
});
