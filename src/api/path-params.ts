// Path parameters: an id that cannot be one names nothing, so it is answered as if nothing were there.
import type { z } from 'zod';
import type { ProblemCode } from './problems.ts';
import { RefusedRequest, refusal } from './problems.ts';

/** What a parameter names, and what is said where it cannot name anything. */
const NOTHING_THERE: Readonly<Record<string, { readonly code: ProblemCode; readonly what: string }>> = {
  accountId: { code: 'account_not_found', what: 'account' },
  holdId: { code: 'hold_not_found', what: 'hold' },
  orderId: { code: 'order_not_found', what: 'order' },
  commandId: { code: 'not_found', what: 'outcome of a command' },
  transferId: { code: 'not_found', what: 'transfer' },
};

/** @throws RefusedRequest account_not_found (or the like) where a parameter has not the form of what it names. */
export function pathParamsOf<Params extends z.ZodObject>(schema: Params | undefined, params: unknown): z.output<Params> {
  const parsed = schema?.safeParse(params);
  // A route without parameters has none to hand on; its type is the empty object's.
  if (parsed === undefined) return {} as z.output<Params>;
  if (parsed.success) return parsed.data;
  const name = String(parsed.error.issues[0]?.path[0]);
  const value = typeof params === 'object' && params !== null ? String(Reflect.get(params, name)).slice(0, 64) : '';
  const { code, what } = NOTHING_THERE[name] ?? { code: 'not_found', what: 'such thing as' };
  throw new RefusedRequest(refusal(code, `No ${what} ${value}.`));
}
