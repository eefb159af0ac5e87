// Path parameters: an id that cannot be one names nothing, so it is answered as if nothing were there.
import type { z } from 'zod';
import type { ProblemCode } from './problems.ts';
import { RefusedRequest, refusal } from './problems.ts';

/** What is said of a path whose parameter cannot name anything. */
const NOTHING_THERE: Readonly<Record<string, ProblemCode>> = { accountId: 'account_not_found' };

/** @throws RefusedRequest account_not_found or not_found where a parameter has not the form of what it names. */
export function pathParamsOf<Params extends z.ZodObject>(schema: Params | undefined, params: unknown): z.output<Params> {
  const parsed = schema?.safeParse(params);
  // A route without parameters has none to hand on; its type is the empty object's.
  if (parsed === undefined) return {} as z.output<Params>;
  if (parsed.success) return parsed.data;
  const name = String(parsed.error.issues[0]?.path[0]);
  const value = typeof params === 'object' && params !== null ? String(Reflect.get(params, name)).slice(0, 64) : '';
  const code = NOTHING_THERE[name] ?? 'not_found';
  throw new RefusedRequest(refusal(code, code === 'account_not_found' ? `No account ${value}.` : `Nothing has the id ${value}.`));
}
