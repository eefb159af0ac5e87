import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { jsonEvent } from '@eventstore/db-client';
import { afterAll, expect, test } from 'vitest';
import { ledgerEnvironment } from '../stack/ledger-process.ts';
import { projectedPosition, withDatabase } from './audit/tables.ts';
import { expectBalancedBooks } from './books.ts';
import type { Movement } from './clients.ts';
import { attempt, balanceOf, latestPosition, openAccount, repeatable, send, sendBulk, tally } from './clients.ts';
import { eventually } from './eventually.ts';
import { startTwoLedgers } from './ledgers.ts';
import type { LogEvent } from './log.ts';
import { readAccount, readLog, withClient } from './log.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Appends an event to the account's stream, behind the ledger's back, with everything that the ledger's own would have. */
async function writePast(accountId: string, forge: Case['forge']): Promise<string> {
  const [, paidIn] = await readAccount(ledgers.audit.eventStoreUrl, accountId);
  if (paidIn === undefined) throw new Error(`${accountId} was not paid`);
  const id = randomUUID();
  const plausible = {
    key: `past ${id}`,
    commandId: randomUUID(),
    commandHash: '5'.repeat(64),
    correlationId: randomUUID(),
    causationId: randomUUID(),
    actor: randomUUID(),
    transport: 'rest',
    occurredAt: new Date().toISOString(),
  };
  const { type, data, metadata = plausible } = forge(paidIn);
  const event = jsonEvent({ id, type, data: { ...data }, metadata: { ...metadata } });
  await withClient(ledgers.audit.eventStoreUrl, (client) =>
    client.appendToStream(paidIn.stream, event, { expectedRevision: paidIn.revision }),
  );
  return id;
}

/** The command that docs/operations.md gives for it, with the place put in. */
function documentedAnnulment(place: string): string {
  const operations = readFileSync(`${root}/docs/operations.md`, 'utf8');
  const [, command] = /```sh\s+(npx ledger annul \S+ --reason .*)\n\s*```/.exec(operations) ?? [];
  if (command === undefined) throw new Error('docs/operations.md has no `npx ledger annul` in it');
  return command.replace(/account-\S+@[0-9]+/, place);
}

function runInCheckout(command: string) {
  return spawnSync('/bin/sh', ['-c', command], {
    cwd: root,
    encoding: 'utf8',
    env: ledgerEnvironment({ EVENTSTORE_URL: ledgers.audit.eventStoreUrl, DATABASE_URL: ledgers.audit.databaseUrl }),
  });
}

const readiness = async (url: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${url}/health/ready`);
  return { status: response.status, text: await response.text() };
};

interface Case {
  readonly what: string;
  /** What is written into the stream of an account that was opened and paid 10.00. */
  readonly forge: (paidIn: LogEvent) => Pick<LogEvent, 'type' | 'data'> & { readonly metadata?: LogEvent['metadata'] };
  /** What readiness says of it. */
  readonly reason: RegExp;
}
const cases: readonly Case[] = [
  {
    // It reads well; it is Postgres that will not have it.
    what: 'a withdrawal to -0.01',
    forge: () => ({
      type: 'withdrawn',
      data: { version: 1, asset: 'USD', amount: '10.01', balances: [{ asset: 'USD', available: '-0.01', held: '0.00' }] },
    }),
    reason: /never_negative/,
  },
  {
    what: 'a copy of a deposit',
    forge: ({ type, data, metadata }) => ({ type, data, metadata }),
    reason: /command_outcomes_once/,
  },
  {
    what: 'an event of a type nobody knows',
    forge: () => ({ type: 'points-granted', data: { version: 1, points: '5' } }),
    reason: /points-granted/,
  },
];

test.each(cases)('$what, written past the ledger, stops the projector there; annulled, everything goes on', async ({ forge, reason }) => {
  const [url, other] = ledgers.urls();
  // The second process remembers it as it was before, for it is not asked again until all is over.
  const victim = await openAccount(other, { asset: 'USD', amount: '10.00' });
  const bystander = await openAccount(url);
  const deposits = (prefix: string): Movement[] =>
    Array.from({ length: 50 }, (_, n) => ({
      type: 'deposit',
      accountId: bystander,
      key: `${prefix} ${n}`,
      asset: 'USD',
      amount: '1.00',
    }));

  const before = await sendBulk(url, deposits('before'));
  const id = await writePast(victim, forge);
  const after = await sendBulk(url, deposits('after'));
  expect([tally(before), tally(after)]).toEqual([{ '201': 50 }, { '201': 50 }]);

  // It stops exactly there, and says so.
  for (const asked of ledgers.urls()) {
    const { text } = await eventually('readiness says where the projector stands', async () => {
      const seen = await readiness(asked);
      return seen.status === 503 && seen.text.includes(victim) && seen;
    });
    expect(text).toContain(`account-${victim}@2 `);
    expect(text).toMatch(reason);
    expect((await balanceOf(asked, bystander, 'USD', latestPosition(before))).available).toBe('50.00');
  }
  const log = await readLog(ledgers.audit.eventStoreUrl, 'account-', 'asset-');
  const last = log[log.findIndex((event) => event.id === id) - 1];
  expect(await withDatabase(ledgers.audit.databaseUrl, projectedPosition)).toBe(last?.position);
  const blocked: Movement = { type: 'withdraw', accountId: victim, key: 'all of it', asset: 'USD', amount: '10.00' };
  expect(tally([await attempt(url, blocked)])).toEqual({ '503 projection_behind': 1 });

  // What is applied cannot be annulled: only the event at which the projector stands.
  expect(runInCheckout(documentedAnnulment(`account-${victim}@1`))).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('cannot be annulled'),
  });
  const annulled = runInCheckout(documentedAnnulment(`account-${victim}@2`));
  expect(annulled, annulled.stderr).toMatchObject({ status: 0 });

  for (const asked of ledgers.urls()) await eventually('ready again', async () => (await readiness(asked)).status === 200);
  const withdrawn = await send(other, blocked);
  expect(withdrawn).toMatchObject({ httpStatus: 201, body: { revision: '3', balances: [{ available: '0.00' }] } });
  expect(repeatable(await send(url, blocked))).toEqual(repeatable(withdrawn));
  expect((await balanceOf(url, bystander, 'USD', latestPosition([withdrawn]))).available).toBe('100.00');
  await expectBalancedBooks(ledgers.audit);
});
