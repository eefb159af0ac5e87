import { expect, it } from 'vitest';
import type { TransferManagerStatus } from '../../src/commands/transfer-manager.ts';
import { CheckpointMismatch } from '../../src/projections/errors.ts';
import type { ReadinessSources } from '../../src/telemetry/readiness.ts';
import { makeReadiness } from '../../src/telemetry/readiness.ts';

const readinessWith = (status: TransferManagerStatus | undefined, others: Partial<ReadinessSources> = {}) =>
  makeReadiness({
    lag: { look: async () => ({ events: 0n, seconds: 0 }) },
    clock: () => undefined,
    maxLagEvents: 10n,
    ...(status && { transferManager: () => status }),
    ...others,
  })();

it('fails with the reason where the transfer manager refuses to run', async () => {
  const refusal = new CheckpointMismatch({ did: 'transfers were followed', remedy: 'do this' }, { position: 7n, eventId: 'a' }, 'b');
  const { ready, checks } = await readinessWith({ state: 'refused', refusal, underWay: 0, position: 7n });
  expect(ready).toBe(false);
  expect(checks['transferManager']).toEqual({
    ok: false,
    detail: 'transfers were followed up to event a at position 7, where the log has b: do this',
  });
});

it.each(['standby', 'running', 'stopped'] as const)(
  'says how many transfers are under way where the transfer manager is %s',
  async (state) => {
    const { ready, checks } = await readinessWith({ state, underWay: 3, position: 7n });
    expect([ready, checks['transferManager']]).toEqual([true, { ok: true, detail: `${state}, 3 transfers under way` }]);
  },
);

it('does not ask for a transfer manager where there is none', async () => {
  const { ready, checks } = await readinessWith(undefined);
  expect([ready, Object.keys(checks)]).toEqual([true, ['eventStore', 'postgres', 'projector', 'lag', 'clock']]);
});

it('fails with the reason where the broker cannot be used', async () => {
  const away = { isUsable: false, isConsumable: false, trouble: 'connect ECONNREFUSED' };
  const { ready, checks } = await readinessWith(undefined, { broker: () => away });
  expect([ready, checks['broker']]).toEqual([false, { ok: false, detail: 'connect ECONNREFUSED' }]);
  const halfAway = { isUsable: true, isConsumable: false, trouble: 'lost' };
  expect((await readinessWith(undefined, { broker: () => halfAway })).checks['broker']).toEqual({ ok: false, detail: 'lost' });
  const there = { isUsable: true, isConsumable: true };
  expect((await readinessWith(undefined, { broker: () => there })).checks['broker']).toEqual({ ok: true });
});

it('fails where the event publisher refuses to run, and tells at which event it waits', async () => {
  const refusal = new CheckpointMismatch({ did: 'events were published', remedy: 'do this' }, { position: 7n, eventId: 'a' }, 'b');
  const refused = await readinessWith(undefined, { publisher: () => ({ state: 'refused', refusal, position: 7n }) });
  expect(refused).toMatchObject({ ready: false, checks: { publisher: { ok: false, detail: refusal.message } } });

  const waitingAt = { stream: 'account-1', revision: 3n, position: 8n, eventId: 'c' };
  const waiting = await readinessWith(undefined, { publisher: () => ({ state: 'running', waitingAt, position: 7n }) });
  expect(waiting).toMatchObject({ ready: true, checks: { publisher: { ok: true, detail: 'waits at account-1@3' } } });
});
