// Holds and orders expire at their time, whatever clocks say.
import type { LogEvent } from '../../scenarios/log.ts';
import { MOST_AHEAD_MS, placed } from './balances.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

const ID_OF: Readonly<Record<string, string>> = {
  'hold-placed': 'holdId',
  'order-placed': 'orderId',
  'hold-expired': 'holdId',
  'order-expired': 'orderId',
};

export function checkExpiries(log: readonly LogEvent[]): readonly Violation[] {
  const dueMs = new Map<string, number>();
  return log.flatMap((event) => {
    const field = ID_OF[event.type];
    if (field === undefined) return [];
    const { expiresAt, [field]: id } = event.data;
    const name = String(id);
    if (event.type.endsWith('-placed')) {
      if (typeof expiresAt === 'string') dueMs.set(name, Date.parse(expiresAt));
      return [];
    }
    const due = dueMs.get(name);
    if (due !== undefined && (event.createdMs === undefined || event.createdMs >= due - MOST_AHEAD_MS)) return [];
    return [
      violation('expired-early', `${placed(event)}, which was due ${due === undefined ? 'never' : `at ${new Date(due).toISOString()}`}`),
    ];
  });
}
