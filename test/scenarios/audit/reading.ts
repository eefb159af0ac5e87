// What the parts of the audit need of an event.
import { z } from 'zod';
import type { LogEvent } from '../log.ts';
import type { Amount } from './decimals.ts';
import { amountFrom } from './decimals.ts';

/** An event of an account. */
export interface AccountEvent extends LogEvent {
  readonly account: string;
}

export const placeOf = ({ stream, revision, type }: LogEvent): string => `${type} at ${stream}@${revision}`;

/** @throws where the event's data has no such text. */
export const text = ({ data }: LogEvent, field: string): string => z.string().parse(data[field]);
/** An empty text where the event's data has no such field. */
export const textOrNone = ({ data }: LogEvent, field: string): string => z.string().optional().parse(data[field]) ?? '';
/** @throws where the event's data has no such decimal string. */
export const amount = ({ data }: LogEvent, field: string): Amount => amountFrom(data[field]);

const fee = z.object({ asset: z.string(), amount: z.string() }).optional();
export const feeOf = ({ data }: LogEvent): { readonly asset: string; readonly amount: string } | undefined => fee.parse(data['fee']);

const said = z.array(z.object({ asset: z.string(), available: z.string(), held: z.string() })).optional();
/** The balances that the event says it leaves, a line an asset; undefined where it says nothing of them. */
export const balancesSaidBy = ({ data }: LogEvent): readonly string[] | undefined =>
  said
    .parse(data['balances'])
    ?.map(({ asset, available, held }) => `${asset} ${available} ${held}`)
    .sort();

/** @throws with the event's place. */
export function insist(isSo: boolean, event: LogEvent, what: string): asserts isSo {
  if (!isSo) throw new Error(`${placeOf(event)}: ${what}`);
}
