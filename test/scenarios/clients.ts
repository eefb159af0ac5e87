// A client of the ledger's API as the scenarios use it: commands with keys, sent over real HTTP, answers as they came.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { operatorAt } from '../stack/tokens.ts';

/** What the API contract lets a client count on, in any answer. */
const answerSchema = z.looseObject({
  commandId: z.string().optional(),
  status: z.union([z.string(), z.int()]).optional(),
  revision: z.string().optional(),
  position: z.string().optional(),
  balances: z.array(z.object({ asset: z.string(), available: z.string(), held: z.string() })).optional(),
  result: z.record(z.string(), z.string()).optional(),
  code: z.string().optional(),
});
/** What the ledger takes in one request. */
const MOST_IN_BULK = 1_000;
const bulkSchema = z.object({ results: z.array(answerSchema.extend({ httpStatus: z.int() })) });
const balanceSchema = z.object({ asset: z.string(), available: z.string(), held: z.string(), total: z.string(), position: z.string() });
type AnswerBody = z.infer<typeof answerSchema>;

/** An answer, be it to a request of its own or one of many in a bulk request. */
export interface Outcome {
  readonly httpStatus: number;
  readonly body: AnswerBody;
}
export interface Answer extends Outcome {
  /** The header `Idempotency-Hit`: an earlier command with this key made the outcome. */
  readonly isHit: boolean;
}

/** A command to an account under a key. */
interface Addressed {
  readonly accountId: string;
  readonly key: string;
}
/** A deposit or a withdrawal. */
export interface Movement extends Addressed {
  readonly type: 'deposit' | 'withdraw';
  readonly asset: string;
  readonly amount: string;
  readonly externalId?: string;
  readonly effectiveAt?: string;
}
export interface Transfer extends Addressed {
  readonly type: 'transfer';
  readonly to: string;
  readonly asset: string;
  readonly amount: string;
  readonly externalId?: string;
}
export interface PlaceHold extends Addressed {
  readonly type: 'place-hold';
  readonly asset: string;
  readonly amount: string;
  readonly expiresAt?: string;
}
export interface PlaceOrder extends Addressed {
  readonly type: 'place-order';
  readonly tokenIn: string;
  readonly tokenOut: string;
  readonly amountIn: string;
  readonly orderType: 'LIMIT' | 'MARKET';
  readonly targetPrice?: string;
  readonly expiresAt?: string;
}
export interface FillOrder extends Addressed {
  readonly type: 'fill-order';
  readonly orderId: string;
  readonly amountIn: string;
  readonly amountOut: string;
  readonly fee?: { readonly asset: string; readonly amount: string };
  readonly txHash?: string;
  readonly logIndex?: number;
}
/** Whatever an account can be asked for. */
export type Command =
  | Movement
  | Transfer
  | PlaceHold
  | PlaceOrder
  | FillOrder
  | (Addressed & { readonly type: 'open-account' | 'close-account' })
  | (Addressed & { readonly type: 'update-coin'; readonly symbol: string; readonly quantity: string })
  | (Addressed & { readonly type: 'remove-coin'; readonly symbol: string })
  | (Addressed & { readonly type: 'capture-hold'; readonly holdId: string; readonly amount?: string })
  | (Addressed & { readonly type: 'release-hold'; readonly holdId: string })
  | (Addressed & { readonly type: 'cancel-order'; readonly orderId: string })
  | (Addressed & { readonly type: 'reverse'; readonly eventId: string; readonly reason: string })
  | (Addressed & { readonly type: 'freeze-account' | 'unfreeze-account'; readonly reason: string })
  | (Addressed & { readonly type: 'set-limits'; readonly asset: string; readonly perWithdrawal?: string; readonly perDay?: string });

export interface SendOptions {
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

/** Where each command goes. What stands in braces is taken out of the body. */
const ROUTES: Readonly<Record<Command['type'], string>> = {
  'open-account': 'POST accounts',
  deposit: 'POST accounts/{accountId}/deposits',
  withdraw: 'POST accounts/{accountId}/withdrawals',
  transfer: 'POST accounts/{accountId}/transfers',
  'update-coin': 'POST accounts/{accountId}/coins',
  'remove-coin': 'DELETE accounts/{accountId}/coins/{symbol}',
  'place-hold': 'POST accounts/{accountId}/holds',
  'capture-hold': 'POST accounts/{accountId}/holds/{holdId}/capture',
  'release-hold': 'POST accounts/{accountId}/holds/{holdId}/release',
  'place-order': 'POST accounts/{accountId}/orders',
  'fill-order': 'POST accounts/{accountId}/orders/{orderId}/fills',
  'cancel-order': 'POST accounts/{accountId}/orders/{orderId}/cancel',
  reverse: 'POST accounts/{accountId}/reversals',
  'freeze-account': 'POST accounts/{accountId}/freeze',
  'unfreeze-account': 'POST accounts/{accountId}/unfreeze',
  'close-account': 'POST accounts/{accountId}/close',
  'set-limits': 'PUT accounts/{accountId}/limits',
};

interface Sent extends SendOptions {
  readonly method: string;
  readonly key?: string;
  /** Absent for a request without one. */
  readonly body?: unknown;
}

async function request(url: string, { method, key, body, ifMatch, signal }: Sent): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...operatorAt(url),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  return {
    httpStatus: response.status,
    body: answerSchema.parse(await response.json()),
    isHit: response.headers.get('idempotency-hit') === 'true',
  };
}

/** Said by "later": a busy machine, a store that is away, an outcome that nobody knows yet. */
const LATER = 503;
const AGAIN_MS = 50;

/** Asks again and again while it is told "later". */
async function untilAnswered<T>(ask: () => Promise<T>, isLater: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (!isLater(answer)) return answer;
    await sleep(AGAIN_MS);
  }
}
const isLater = ({ httpStatus }: Outcome): boolean => httpStatus === LATER;

/**
 * Sends one command to its own route, again and with its key while it is told "later", as clients do. @throws where no answer
 * comes: the connection broke, or the signal fired.
 */
export const send = (apiUrl: string, command: Command, options: SendOptions = {}): Promise<Answer> =>
  untilAnswered(() => attempt(apiUrl, command, options), isLater);

/** Sends one command once, whatever the answer. @throws as `send` */
export function attempt(apiUrl: string, command: Command, options: SendOptions = {}): Promise<Answer> {
  const { type, key, ...fields } = command;
  const body = new Map<string, unknown>(Object.entries(fields));
  const [method = '', template = ''] = ROUTES[type].split(' ');
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(body.get(name));
    body.delete(name);
    return encodeURIComponent(value);
  });
  return request(`${apiUrl}/v1/${path}`, {
    ...options,
    method,
    key,
    ...(method === 'DELETE' ? {} : { body: Object.fromEntries(body) }),
  });
}

/** Sends up to 1,000 commands in one request, and again those that are told "later". The answers are in the order of the commands. */
export async function sendBulk(apiUrl: string, commands: readonly Command[]): Promise<readonly Outcome[]> {
  const answers = [...(await attemptBulk(apiUrl, commands))];
  for (;;) {
    const open = answers.flatMap((answer, n) => (isLater(answer) ? [n] : []));
    if (open.length === 0) return answers;
    await sleep(AGAIN_MS);
    const again = await attemptBulk(
      apiUrl,
      commands.filter((_, n) => open.includes(n)),
    );
    for (const [at, answer] of again.entries()) answers[open[at] ?? -1] = answer;
  }
}

async function attemptBulk(apiUrl: string, commands: readonly Command[]): Promise<readonly Outcome[]> {
  const send = (): Promise<Answer> => request(`${apiUrl}/v1/commands`, { method: 'POST', body: { commands } });
  const { httpStatus, body } = await untilAnswered(send, isLater);
  if (httpStatus !== 200) throw new Error(`the bulk request was answered ${httpStatus}: ${JSON.stringify(body)}`);
  return bulkSchema.parse(body).results.map(({ httpStatus, ...result }) => ({ httpStatus, body: result }));
}

/** Sends any number of commands, in as many bulk requests as it takes. @throws unless every one of them was applied. */
export async function applyAll(apiUrl: string, commands: readonly Command[]): Promise<readonly Outcome[]> {
  const answers: Outcome[] = [];
  for (let from = 0; from < commands.length; from += MOST_IN_BULK)
    answers.push(...(await sendBulk(apiUrl, commands.slice(from, from + MOST_IN_BULK))));
  for (const answer of answers) expectApplied(answer);
  return answers;
}

/** Opens an account of its own and, where an amount is given, pays it in. @throws unless both were applied. */
export async function openAccount(apiUrl: string, paidIn?: { readonly asset: string; readonly amount: string }): Promise<string> {
  const accountId = randomUUID();
  expectApplied(await send(apiUrl, { type: 'open-account', key: 'open', accountId }));
  if (paidIn !== undefined) expectApplied(await send(apiUrl, { type: 'deposit', accountId, key: 'paid-in', ...paidIn }));
  return accountId;
}

/** @throws with the answer where it is none of something done. */
function expectApplied({ httpStatus, body }: Outcome): void {
  if (body.status !== 'applied') throw new Error(`answered ${httpStatus}: ${JSON.stringify(body)}`);
}

/** The balance, from a projection that has seen the position. */
export async function balanceOf(
  apiUrl: string,
  accountId: string,
  asset: string,
  minPosition: string,
): Promise<z.infer<typeof balanceSchema>> {
  return balanceSchema.parse(await read(`${apiUrl}/v1/accounts/${accountId}/balances/${asset}?minPosition=${minPosition}`));
}

const entriesSchema = z.object({ data: z.array(z.looseObject({ entryId: z.string() })) });
/** The ids of the newest entries of that type in the account's journal. */
export async function entriesOf(apiUrl: string, accountId: string, type: string): Promise<readonly string[]> {
  return entriesSchema.parse(await read(`${apiUrl}/v1/accounts/${accountId}/entries?type=${type}`)).data.map(({ entryId }) => entryId);
}

async function read(url: string): Promise<unknown> {
  const ask = (): Promise<Response> => fetch(url, { headers: operatorAt(url) });
  const response = await untilAnswered(ask, ({ status }) => status === LATER);
  return response.json();
}

/** The latest position that any of the answers gave. */
export function latestPosition(answers: readonly Outcome[]): string {
  const positions = answers.flatMap(({ body }) => (body.position === undefined ? [] : [BigInt(body.position)]));
  const [latest = 0n] = positions.sort((a, b) => (a < b ? 1 : -1));
  return String(latest);
}

/** What a repeat must say again: everything but the position. */
export function repeatable({ httpStatus, body }: Outcome): unknown {
  const { position: _position, ...rest } = body;
  return { httpStatus, body: rest };
}

/** The status and the code of an answer: `201`, `422 insufficient_funds`. */
export const said = ({ httpStatus, body: { code } }: Outcome): string => (code === undefined ? `${httpStatus}` : `${httpStatus} ${code}`);

/** How often each text is among them. */
export function countEach(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

/** How often each status and code was answered: `{ '201': 100, '422 insufficient_funds': 100 }`. */
export const tally = (answers: readonly Outcome[]): Record<string, number> => countEach(answers.map(said));

/** Runs the task `count` times, all at once. */
export const atOnce = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)));
