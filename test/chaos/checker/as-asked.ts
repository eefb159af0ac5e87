// Whether an event is what its command asked for: the right type, and every field as it was sent.
import type { LogEvent } from '../../scenarios/log.ts';
import type { Asked } from '../history.ts';
import { isSameAmount } from './balances.ts';

/** The event that each command that the clients send has, where it is applied. */
const APPLIED_AS: Readonly<Record<string, string>> = {
  'open-account': 'account-opened',
  'freeze-account': 'account-frozen',
  'unfreeze-account': 'account-unfrozen',
  deposit: 'deposited',
  withdraw: 'withdrawn',
  transfer: 'transfer-sent',
  'place-hold': 'hold-placed',
  'capture-hold': 'hold-captured',
  'release-hold': 'hold-released',
  'place-order': 'order-placed',
  'fill-order': 'order-filled',
  'cancel-order': 'order-cancelled',
};

const DECIMAL = /^\d+(\.\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** @throws RangeError for a command that no client is known to send. */
export function isAsAsked({ type, asks }: Pick<Asked, 'type' | 'asks'>, event: LogEvent): boolean {
  const applied = APPLIED_AS[type];
  if (applied === undefined) throw new RangeError(`what becomes of ${type}?`);
  if (event.type === 'command-rejected') return event.data['commandType'] === type;
  return event.type === applied && hasAll(event.data, asks);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

const hasAll = (found: unknown, asked: Readonly<Record<string, unknown>>): boolean =>
  isObject(found) && Object.entries(asked).every(([name, value]) => isSame(found[name], value));

/** Amounts may have another scale than was asked, times another precision. */
function isSame(found: unknown, asked: unknown): boolean {
  if (isObject(asked)) return hasAll(found, asked);
  if (typeof found !== 'string' || typeof asked !== 'string' || found === asked) return found === asked;
  if (DECIMAL.test(asked)) return DECIMAL.test(found) && isSameAmount(found, asked);
  return TIME.test(asked) && TIME.test(found) && Date.parse(found) === Date.parse(asked);
}
