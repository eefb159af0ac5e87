// The shape of a request: what zod finds wrong with it, as a problem with pointers into the body.
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import type { FieldError, Refusal } from './problems.ts';
import { RefusedRequest, refusal } from './problems.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** A JSON pointer (RFC 6901) as a URI fragment: `#/amount`. Half a character, which no URI can hold, shows as U+FFFD. */
export const pointerTo = (path: Path): string =>
  `#${path.map((step) => `/${encodeURIComponent(String(step).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`;

/** As many faults are named: whoever sends a thousand wants no list of them, and an answer is not to be larger than its question. */
const MAX_FAULTS = 50;

/** The fields an issue is about: unknown members are named one by one, the rest by the issue's own path. */
const pathsOf = (issue: Issue): readonly Path[] =>
  issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];

/** The issues, each with one field that it is about. */
const faultsOf = (issues: readonly Issue[]): readonly (readonly [Issue, Path])[] =>
  issues.flatMap((issue) => pathsOf(issue).map((path) => [issue, path] as const)).slice(0, MAX_FAULTS);

const detailOf = (issue: Issue, value: unknown): string => {
  if (issue.code === 'unrecognized_keys') return 'unknown field';
  return issue.code === 'invalid_type' && value === undefined ? 'required' : issue.message;
};

/** What stands at that path of a value; undefined where nothing does. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined), value);

/** Whether the schema at that path is an amount: commands mark theirs with `amount: true`. */
function isAmountField(schema: z.core.$ZodType, path: Path): boolean {
  let at: z.core.$ZodType = schema;
  for (const step of path) {
    const inner = unwrapped(at);
    const field = inner instanceof z.ZodObject ? inner.shape[String(step)] : undefined;
    if (field === undefined) return false;
    at = field;
  }
  return z.globalRegistry.get(unwrapped(at))?.['amount'] === true;
}

const unwrapped = (schema: z.core.$ZodType): z.core.$ZodType => (schema instanceof z.ZodOptional ? unwrapped(schema.unwrap()) : schema);

/** Where a command's amounts stand, those of its inner objects included. */
export const amountPathsOf = (schema: z.ZodObject, at: readonly string[] = []): readonly (readonly string[])[] =>
  Object.entries(schema.shape).flatMap(([field, inner]) => {
    const object = unwrapped(inner);
    if (object instanceof z.ZodObject) return amountPathsOf(object, [...at, field]);
    return isAmountField(schema, [field]) ? [[...at, field]] : [];
  });

/**
 * The refusal of a body: `invalid_amount` where nothing is wrong but amounts that are there, else `malformed_request`.
 * @param at where the value stands in the request's body, for the pointers.
 */
export function bodyRefusal(schema: z.core.$ZodType, value: unknown, issues: readonly Issue[], at: Path = []): Refusal {
  const errors = faultsOf(issues).map(
    ([issue, path]): FieldError => ({ pointer: pointerTo([...at, ...path]), detail: detailOf(issue, valueAt(value, path)) }),
  );
  const onlyAmounts = issues.every(({ path }) => isAmountField(schema, path) && valueAt(value, path) !== undefined);
  const summary = errors.map(({ pointer, detail }) => (pointer === '#' ? detail : `${pointer.slice(2)}: ${detail}`)).join('; ');
  const detail = value === undefined ? 'A JSON body is required.' : `The body is not as it should be: ${summary}.`;
  return refusal(onlyAmounts ? 'invalid_amount' : 'malformed_request', detail, {}, errors);
}

/** The refusal of a query string. Its parameters are no part of the body, so there is nothing to point into. */
export function queryRefusal(issues: readonly Issue[]): Refusal {
  const faults = faultsOf(issues).map(([issue, path]) => `${path.join('.')}: ${faultOf(issue)}`);
  return refusal('malformed_request', `The query is not as it should be: ${faults.join('; ')}.`);
}

const faultOf = (issue: Issue): string => (issue.code === 'unrecognized_keys' ? 'unknown parameter' : issue.message);

/** Checks bodies and query strings for fastify. Path parameters are left to the route: one that fits nothing is a 404, not a 400. */
export const shapeCompiler: FastifySchemaCompiler<z.core.$ZodType> =
  ({ schema, httpPart }) =>
  (data) => {
    if (httpPart !== 'body' && httpPart !== 'querystring') return { value: data };
    const parsed = z.safeParse(schema, data ?? undefined);
    if (parsed.success) return { value: parsed.data };
    const { issues } = parsed.error;
    return { error: new RefusedRequest(httpPart === 'body' ? bodyRefusal(schema, data ?? undefined, issues) : queryRefusal(issues)) };
  };
