// A client of the ledger's API as the scenarios use it: commands with keys, sent over real HTTP, answers as they came.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';

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

/** A deposit or a withdrawal under a key. */
export interface Movement {
  readonly type: 'deposit' | 'withdraw';
  readonly accountId: string;
  readonly key: string;
  readonly asset: string;
  readonly amount: string;
}

export interface SendOptions {
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

const ROUTES = { deposit: 'deposits', withdraw: 'withdrawals' } as const;

async function post(url: string, key: string | undefined, body: unknown, { ifMatch, signal }: SendOptions = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  return {
    httpStatus: response.status,
    body: answerSchema.parse(await response.json()),
    isHit: response.headers.get('idempotency-hit') === 'true',
  };
}

/** Sends one deposit or withdrawal. @throws where no answer comes: the connection broke, or the signal fired. */
export function send(apiUrl: string, movement: Movement, options?: SendOptions): Promise<Answer> {
  const { type, accountId, key, ...body } = movement;
  return post(`${apiUrl}/v1/accounts/${accountId}/${ROUTES[type]}`, key, body, options);
}

/** Sends up to 1,000 commands in one request. The answers are in the order of the commands. */
export async function sendBulk(apiUrl: string, movements: readonly Movement[]): Promise<readonly Outcome[]> {
  const { httpStatus, body } = await post(`${apiUrl}/v1/commands`, undefined, { commands: movements });
  if (httpStatus !== 200) throw new Error(`the bulk request was answered ${httpStatus}: ${JSON.stringify(body)}`);
  return bulkSchema.parse(body).results.map(({ httpStatus, ...result }) => ({ httpStatus, body: result }));
}

/** Opens an account of its own and, where an amount is given, pays it in. @throws unless both were applied. */
export async function openAccount(apiUrl: string, paidIn?: { readonly asset: string; readonly amount: string }): Promise<string> {
  const accountId = randomUUID();
  expectApplied(await post(`${apiUrl}/v1/accounts`, 'open', { accountId }));
  if (paidIn !== undefined) expectApplied(await send(apiUrl, { type: 'deposit', accountId, key: 'paid-in', ...paidIn }));
  return accountId;
}

/** @throws with the answer where it is no 201. */
function expectApplied({ httpStatus, body }: Answer): void {
  if (httpStatus !== 201) throw new Error(`answered ${httpStatus}: ${JSON.stringify(body)}`);
}

/** The balance, from a projection that has seen the position. */
export async function balanceOf(
  apiUrl: string,
  accountId: string,
  asset: string,
  minPosition: string,
): Promise<z.infer<typeof balanceSchema>> {
  const response = await fetch(`${apiUrl}/v1/accounts/${accountId}/balances/${asset}?minPosition=${minPosition}`);
  return balanceSchema.parse(await response.json());
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

/** How often each status and code was answered: `{ '201': 100, '422 insufficient_funds': 100 }`. */
export function tally(answers: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { httpStatus, body } of answers) {
    const name = body.code === undefined ? `${httpStatus}` : `${httpStatus} ${body.code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Runs the task `count` times, all at once. */
export const atOnce = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)));
