// Values that fit a schema. Names of things are drawn from what there is, so that requests reach further than "not found".
import fc from 'fast-check';
import type { JsonTree } from './json-text.ts';
import type { FuzzedApi, JsonSchema } from './operations.ts';
import type { Random } from './random.ts';

/** What there is, by the name that fields and parameters have for it. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** A sample of the texts that a pattern allows: drawing them one by one would take most of the run. */
const SAMPLE = 40;
const samples = new Map<string, readonly string[]>();
function matching(pattern: string): readonly string[] {
  const drawn = samples.get(pattern) ?? fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: SAMPLE, seed: 1 });
  samples.set(pattern, drawn);
  return drawn;
}

const DATE_TIMES = ['2026-01-31T12:00:00Z', '2025-06-01T00:00:00.000Z', '2999-12-31T23:59:59.999Z', '2024-02-29T23:59:59Z'];
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-_éß漢';

function textFor({ format, pattern, minLength = 1, maxLength = 40 }: JsonSchema, random: Random): string {
  if (format === 'date-time') return random.pick(DATE_TIMES);
  if (pattern !== undefined) return random.pick(matching(pattern)).slice(0, maxLength);
  const length = minLength + random.below(Math.min(maxLength, minLength + 40) - minLength + 1);
  return Array.from({ length }, () => random.pick([...LETTERS])).join('');
}

/** What a field of that name, or of what that name ends in, may be said to be: `tokenIn` is an asset, and so on. */
const known = (name: string, there: Known): readonly string[] => (Object.hasOwn(there, name) ? (there[name] ?? []) : []);

const MOST_ITEMS = 4;

/** A value that the schema allows, as far as a schema can say it. */
export function validValue(
  api: Pick<FuzzedApi, 'resolve'>,
  schemaOrReference: JsonSchema,
  name: string,
  there: Known,
  random: Random,
): JsonTree {
  const schema = api.resolve(schemaOrReference);
  const inner = (of: JsonSchema, called: string): JsonTree => validValue(api, of, called, there, random);
  const choices = schema.anyOf ?? schema.oneOf;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return random.pick(schema.enum);
  if (choices !== undefined) return inner(random.pick(choices), name);
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map((part) => inner(part, name)));
  const values = known(name, there);
  if (schema.type === 'string' && values.length > 0 && random.chance(0.9)) return random.pick(values);
  if (schema.examples !== undefined && schema.examples.length > 0 && random.chance(0.3)) return random.pick(schema.examples);
  switch (schema.type) {
    case 'string':
      return textFor(schema, random);
    case 'integer':
    case 'number': {
      const { minimum = 0, maximum = 1_000 } = schema;
      return minimum + random.below(Math.min(maximum, Number.MAX_SAFE_INTEGER) - minimum + 1);
    }
    case 'boolean':
      return random.chance(0.5);
    case 'array':
      return Array.from({ length: 1 + random.below(MOST_ITEMS) }, () => inner(schema.items ?? {}, name));
    case 'object':
      return objectFor(schema, random, inner);
    default:
      return null;
  }
}

function objectFor(schema: JsonSchema, random: Random, inner: (of: JsonSchema, name: string) => JsonTree): JsonTree {
  const { properties = {}, required = [], additionalProperties = false } = schema;
  const members = Object.entries(properties).filter(([name]) => required.includes(name) || random.chance(0.3));
  const more = typeof additionalProperties === 'object' && random.chance(0.3) ? [['note', additionalProperties] as const] : [];
  return Object.fromEntries([...members, ...more].map(([name, of]) => [name, inner(of, name)]));
}
