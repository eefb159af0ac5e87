// Mixed requests at a steady rate, whatever becomes of those before: what a user of the service notices of a rebuild.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as hdr from 'hdr-histogram-js';
import type { LedgerService } from '../ledger-service.ts';

export interface Traffic {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const US_PER_MS = 1000;

type Send = (method: 'GET' | 'POST', path: string, body?: object) => Promise<boolean>;

/** What is asked for, in turns: as many writes as reads. */
const REQUESTS: readonly ((send: Send, accountId: string) => Promise<boolean>)[] = [
  (send, id) => send('POST', `/v1/accounts/${id}/deposits`, { asset: 'USD', amount: '1.00' }),
  (send, id) => send('GET', `/v1/accounts/${id}/balances`),
  (send, id) => send('POST', `/v1/accounts/${id}/withdrawals`, { asset: 'USD', amount: '0.10' }),
  (send, id) => send('GET', `/v1/accounts/${id}/entries?limit=20`),
  (send, id) => send('POST', `/v1/accounts/${id}/holds`, { asset: 'USD', amount: '0.01' }),
  (send, id) => send('GET', `/v1/accounts/${id}/orders?status=pending&limit=20`),
];

/** Sends `perSecond` until `until` settles, at least for `leastMs`. A refusal of the ledger's rules is an answer like any other. */
export async function sendWhile(
  service: LedgerService,
  accountIds: readonly string[],
  { perSecond, leastMs, until }: { readonly perSecond: number; readonly leastMs: number; readonly until: Promise<unknown> },
): Promise<Traffic> {
  const histogram = hdr.build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const token = await service.token();
  const send: Send = async (method, path, body) => {
    const key = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    const headers = { authorization: `Bearer ${token}`, ...(body && key) };
    const answer = await fetch(`${service.url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    await answer.arrayBuffer();
    return answer.status < 500;
  };
  let isOver = false;
  void until.finally(() => {
    isOver = true;
  });
  const underWay: Promise<void>[] = [];
  let failed = 0;
  const startedAt = performance.now();
  for (let n = 0; !isOver || performance.now() - startedAt < leastMs; n += 1) {
    const dueAt = startedAt + (n * 1000) / perSecond;
    await sleep(Math.max(0, dueAt - performance.now()));
    const request = REQUESTS[n % REQUESTS.length];
    const accountId = accountIds[n % accountIds.length];
    if (request === undefined || accountId === undefined) continue;
    const one = async (): Promise<void> => {
      // From when it was due: whoever is late with sending does not make it look faster.
      if (!(await request(send, accountId).catch(() => false))) failed += 1;
      histogram.recordValue(Math.max(1, Math.round((performance.now() - dueAt) * US_PER_MS)));
    };
    underWay.push(one());
  }
  await Promise.all(underWay);
  const p = (percentile: number): number => histogram.getValueAtPercentile(percentile) / US_PER_MS;
  return { requests: underWay.length, failed, p50Ms: p(50), p99Ms: p(99) };
}
