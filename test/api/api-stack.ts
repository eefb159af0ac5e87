// The API as clients meet it: listening, over real stores and real command handling. Every answer is held against the document.
import type { AddressInfo } from 'node:net';
import { Registry } from '@prometheus-io/client';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import supertest from 'supertest';
import { expect } from 'vitest';
import type { AppOptions } from '../../src/api/app.ts';
import { createApp } from '../../src/api/app.ts';
import { makeFirstAccounts, withFirstAccount } from '../../src/api/first-accounts.ts';
import type { Gateway } from '../../src/api/gateway.ts';
import { directGateway } from '../../src/api/gateway.ts';
import type { PrincipalResolver } from '../../src/api/principal.ts';
import { bearerPrincipal } from '../../src/api/principal.ts';
import type { LedgerQueries } from '../../src/api/queries.ts';
import { createQueries } from '../../src/api/queries.ts';
import type { CommandBus } from '../../src/commands/bus.ts';
import type { CommandSideOptions } from '../../src/commands/command-side.ts';
import { makeInProcessBus } from '../../src/commands/in-process-bus.ts';
import { internalCommand } from '../../src/commands/internal-command.ts';
import { makeTransferManager } from '../../src/commands/transfer-manager.ts';
import type { InternalCommand } from '../../src/domain/commands.ts';
import { rejection } from '../../src/domain/rejections.ts';
import type { Identity, IdentityOptions } from '../../src/identity/identity.ts';
import { openIdentity } from '../../src/identity/identity.ts';
import { principalFrom } from '../../src/identity/principal.ts';
import type { Role } from '../../src/identity/roles.ts';
import { ROLES } from '../../src/identity/roles.ts';
import { watchPosition } from '../../src/projections/position.ts';
import { asyncApiDocument } from '../../src/rabbitmq/asyncapi.ts';
import type { CommandStack } from '../commands/command-stack.ts';
import { startCommandStack } from '../commands/command-stack.ts';
import { PATIENCE_MS } from '../stack/patience.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { waitFor } from '../stack/waiting.ts';
import type { DocumentCheck } from './document-check.ts';
import { ApiDocument, makeDocumentCheck } from './document-check.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export interface Sent {
  readonly body?: object | string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}
export type Answer = supertest.Response;

export interface TestApi {
  readonly url: string;
  readonly app: FastifyInstance;
  readonly stack: CommandStack;
  readonly identity: Identity;
  readonly registry: Registry;
  /** What was logged, as JSON lines. */
  readonly logged: readonly string[];
  /** Sends a request, and fails the test where the document does not describe the answer. */
  send(method: Method, path: string, sent?: Sent): Promise<Answer>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** A POST with a key of its own, unless one is given among the headers. */
  post(path: string, body?: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  close(): Promise<void>;
}

/** Headers of a principal of that role. Without them, an operator asks. */
export const as = (role: Role, subject: string): Readonly<Record<string, string>> => ({ authorization: `Test ${role}:${subject}` });
export const NOBODY = { authorization: 'Test nobody' };

const DEVELOPER = principalFrom('test', '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00', 'operator', 'developer');

/** Authentication of these specs: what the header says is believed. */
const believing: PrincipalResolver = (request) => {
  const { authorization } = request.headers;
  if (authorization === undefined) return DEVELOPER;
  const [role, subject] = authorization.replace(/^Test /, '').split(':');
  const known = ROLES.find((name) => name === role);
  if (known === undefined || subject === undefined) return rejection('unauthenticated', 'An access token is required.');
  return principalFrom('test', subject, known, subject);
};

let keys = 0;
/** A key that no other request of this file has. */
export const newKey = (): string => `key-${++keys}`;

/** What a gateway can be made over. */
export interface GatewayParts {
  readonly stack: CommandStack;
  readonly bus: CommandBus;
  readonly queries: LedgerQueries;
}

export interface TestApiOptions {
  /** Another gateway than straight into this process's command handling. */
  readonly gateway?: (parts: GatewayParts) => Gateway | Promise<Gateway>;
  readonly app?: Partial<AppOptions>;
  /** `tokens`: as in production, first accounts included. */
  readonly authentication?: 'believed' | 'tokens';
  /** Another issuer, whose tokens are taken instead of the ledger's own. */
  readonly external?: IdentityOptions['external'];
  readonly secureCookies?: boolean;
  readonly commands?: Partial<CommandSideOptions>;
}

export async function startTestApi({
  app: given = {},
  commands = {},
  gateway = ({ bus }) => directGateway(bus),
  authentication = 'believed',
  external,
  secureCookies = false,
}: TestApiOptions = {}): Promise<TestApi> {
  const stack = await startCommandStack(commands);
  const position = watchPosition(stack.database);
  await position.waitFor(await stack.commands.registerInitialAssets(), PATIENCE_MS);
  const bus = makeInProcessBus(stack.commands);
  const transfers = makeTransferManager({
    db: stack.database.db,
    store: stack.store,
    bus,
    position,
    owner: 'test',
    leaseMs: 5000,
    logger: pino({ level: 'silent' }),
  });
  transfers.start();
  const registry = new Registry();
  const logged: string[] = [];
  const queries = createQueries({ streams: stack.store.streams, db: stack.database.db, waitFor: position.waitFor });
  const usedGateway = await gateway({ stack, bus, queries });
  const identity = await openIdentity({
    db: stack.database.db,
    tokens: { issuer: 'ledgerfold', audience: 'ledgerfold' },
    keySecret: TEST_KEY_SECRET,
    onError: () => {},
    ...(external && { external }),
  });
  const firstAccounts = makeFirstAccounts({ gateway: usedGateway, queries });
  const app = await createApp({
    gateway: usedGateway,
    queries,
    readiness: async () => ({ ready: true, checks: { projector: { ok: true } } }),
    registry,
    logger: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
    principal: authentication === 'tokens' ? withFirstAccount(bearerPrincipal(identity.verifier), firstAccounts) : believing,
    auth: { issuer: 'ledgerfold', builtIn: identity.builtIn, firstAccounts, cookies: { secure: secureCookies } },
    permissions: { selfDeposit: true },
    bodyLimitBytes: 1024 * 1024,
    edge: { maxRequests: 2_000, anonymousRequestsPerSecond: 0 },
    version: '0.0.0',
    asyncApi: asyncApiDocument('0.0.0'),
    ...given,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  // Listening on a port, the address is an object.
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const check = makeDocumentCheck(ApiDocument.parse(app.swagger()));

  const send: TestApi['send'] = async (method, path, { body, headers = {} } = {}) => {
    const request = supertest(url)[method.toLowerCase() as Lowercase<Method>](path).set(headers);
    const answer = await (body === undefined ? request : request.send(body));
    expectDescribed(check, method, path, answer);
    return answer;
  };
  return {
    url,
    app,
    stack,
    identity,
    registry,
    logged,
    send,
    get: (path, headers = {}) => send('GET', path, { headers }),
    post: (path, body, headers = {}) => send('POST', path, { body, headers: { 'idempotency-key': newKey(), ...headers } }),
    async close() {
      await app.close();
      identity.close();
      await transfers.stop();
      await position.close();
      await stack.close();
    },
  };
}

function expectDescribed(check: DocumentCheck, method: Method, path: string, { status, headers, body, type, text }: Answer): void {
  const faults = check.faultsOf({
    method,
    path: path.split('?', 1)[0] ?? path,
    status,
    mediaType: text === '' || text === undefined ? undefined : type,
    headers,
    body: type.endsWith('json') ? body : text,
  });
  expect(faults, `${method} ${path} answered ${status} ${text}`).toEqual([]);
}

/** An open account; its id. */
export async function openedAccount(api: TestApi, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const answer = await api.post('/v1/accounts', {}, headers);
  expect(answer.status).toBe(201);
  return answer.body.accountId;
}

/** An open account with money in it; its id. */
export async function fundedAccount(api: TestApi, amount: string, asset = 'USD'): Promise<string> {
  const accountId = await openedAccount(api);
  const answer = await api.post(`/v1/accounts/${accountId}/deposits`, { asset, amount });
  expect(answer.status).toBe(201);
  return accountId;
}

/** The transfer once it has ended. */
export async function transferEnded(api: TestApi, transferId: string): Promise<Answer['body']> {
  return waitFor(async () => {
    const { body } = await api.get(`/v1/transfers/${transferId}`);
    expect(['completed', 'returned']).toContain(body.state);
    return body;
  });
}

/** Sends a command that the ledger asks of itself; its position. */
export async function sentInternally(api: TestApi, command: InternalCommand, id: string): Promise<bigint> {
  const cause = { eventId: id, correlationId: 'test' };
  const answer = await makeInProcessBus(api.stack.commands).send(internalCommand(command, command.type, id, cause));
  if (answer.status !== 'applied') throw new Error(`${command.type} of ${id} was not applied`);
  return answer.position;
}

/** Fails unless the answer is that problem, said as the contract says problems. */
export function expectProblem(answer: Answer, status: number, code: string, more: object = {}): void {
  expect(answer.body, answer.text).toMatchObject({
    type: `/problems/${code.replaceAll('_', '-')}`,
    status,
    code,
    title: expect.stringMatching(/./),
    detail: expect.stringMatching(/./),
    // A repeat shows the problem that was answered first.
    instance: answer.headers['idempotency-hit'] === undefined ? answer.headers['x-request-id'] : expect.any(String),
    retryable: expect.any(Boolean),
    ...more,
  });
  expect(answer.status).toBe(status);
  expect(answer.type).toBe('application/problem+json');
}
