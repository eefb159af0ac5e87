// What is done to bodies: to what they say, and to the bytes they are said in.
import { gzipSync } from 'node:zlib';
import type { Draft } from './draft.ts';
import { bodyOf } from './draft.ts';
import type { JsonObject, JsonTree, Path } from './json-text.ts';
import { changedAt, isObject, jsonText, objectText, pathsIn, rawJson } from './json-text.ts';
import { LENGTHS, ODD_AMOUNTS, ODD_IDS, ODD_TEXTS, ODD_TIMES, ODD_TREES, PROTOTYPE_NAMES } from './odd-values.ts';
import type { Random } from './random.ts';

/** One way to bend a request; what it does not apply to is left as it is. */
export type Bend = (draft: Draft, random: Random) => Draft;

/** An odd value in the place of a good one: mostly one that still looks like it. */
export function oddFor(value: JsonTree, random: Random): JsonTree {
  if (typeof value !== 'string' || random.chance(0.3)) return random.pick(ODD_TREES);
  if (/^[+-]?[0-9.]+$/.test(value)) return random.pick(ODD_AMOUNTS);
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return random.pick(ODD_TIMES);
  if (/^[0-9a-f-]{36}$/i.test(value)) return random.pick(random.chance(0.5) ? ODD_IDS : ODD_TEXTS);
  return random.chance(0.3) ? 'ab漢'.repeat(random.pick(LENGTHS)).slice(0, random.pick(LENGTHS)) : random.pick(ODD_TEXTS);
}

/** The draft with one place of its body changed. */
function changedSomewhere(
  draft: Draft,
  random: Random,
  isPlace: (tree: JsonTree, path: Path) => boolean,
  change: (tree: JsonTree) => JsonTree,
): Draft {
  const { json } = draft;
  if (json === undefined) return draft;
  const places: Path[] = [];
  for (const path of pathsIn(json))
    changedAt(json, path, (tree) => {
      if (isPlace(tree, path)) places.push(path);
      return tree;
    });
  return places.length === 0 ? draft : { ...draft, json: changedAt(json, random.pick(places), change) };
}
const inObject = (draft: Draft, random: Random, change: (object: JsonObject) => JsonTree): Draft =>
  changedSomewhere(draft, random, isObject, (tree) => (isObject(tree) ? change(tree) : tree));
const isMember = (_tree: JsonTree, path: Path): boolean => path.length > 0;

const withBytes = (draft: Draft, change: (body: Buffer) => Buffer): Draft => ({
  ...draft,
  mediaType: draft.mediaType ?? 'application/json',
  body: change(bodyOf(draft) ?? Buffer.from('{}')),
});
const withText = (draft: Draft, change: (text: string) => string): Draft => withBytes(draft, (body) => Buffer.from(change(String(body))));

const inserted =
  (bytes: readonly number[]): Bend =>
  (draft, random) =>
    withBytes(draft, (body) => {
      const at = random.below(body.length + 1);
      return Buffer.concat([body.subarray(0, at), Buffer.from(bytes), body.subarray(at)]);
    });
const encoded =
  (encoding: string, pack: (body: Buffer) => Buffer): Bend =>
  (draft) => ({
    ...withBytes(draft, pack),
    headers: [...draft.headers, ['Content-Encoding', encoding]],
  });

const DEEP = 100_000;
const LIMIT_BYTES = 1024 * 1024;
const padded = (draft: Draft, length: number): Draft => withText(draft, (text) => text.padEnd(length, ' '));

export const SAID_BENDS: Readonly<Record<string, Bend>> = {
  'odd value': (draft, random) => changedSomewhere(draft, random, isMember, (tree) => oddFor(tree, random)),
  'member left out': (draft, random) =>
    inObject(draft, random, (object) => {
      const names = Object.keys(object);
      const gone = names.length === 0 ? '' : random.pick(names);
      return Object.fromEntries(Object.entries(object).filter(([name]) => name !== gone));
    }),
  'member too many': (draft, random) =>
    inObject(draft, random, (object) => ({ ...object, [random.pick(ODD_TEXTS)]: random.pick(ODD_TREES) })),
  'member twice': (draft, random) =>
    inObject(draft, random, (object) => {
      const members = Object.entries(object);
      return members.length === 0 ? rawJson('{"a":1,"a":1}') : rawJson(objectText([...members, random.pick(members)]));
    }),
  'prototype member': (draft, random) =>
    inObject(draft, random, (object) =>
      rawJson(objectText([...Object.entries(object), [random.pick(PROTOTYPE_NAMES), random.pick([{ role: 'operator' }, 1, null])]])),
    ),
  'name in another case': (draft, random) =>
    inObject(draft, random, (object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name.toUpperCase(), value]))),
  'wrapped in an array': (draft, random) =>
    changedSomewhere(
      draft,
      random,
      () => true,
      (tree) => [tree],
    ),
  'text as a number': (draft, random) =>
    changedSomewhere(
      draft,
      random,
      (tree) => typeof tree === 'string' && /^[0-9.]+$/.test(tree),
      (tree) => rawJson(String(tree)),
    ),
  'number as a text': (draft, random) =>
    changedSomewhere(
      draft,
      random,
      (tree) => typeof tree === 'number',
      (tree) => String(tree),
    ),
  'another body': (draft, random) => (draft.json === undefined ? draft : { ...draft, json: random.pick(ODD_TREES) }),
  'a body where none is asked for': (draft, random) => ({ ...draft, mediaType: 'application/json', json: random.pick(ODD_TREES) }),
  'no body': (draft) => withBytes(draft, () => Buffer.alloc(0)),
};

export const BYTE_BENDS: Readonly<Record<string, Bend>> = {
  'invalid UTF-8': inserted([0xff]),
  'overlong UTF-8': inserted([0xc0, 0xaf]),
  'surrogate in UTF-8': inserted([0xed, 0xa0, 0x80]),
  'NUL byte': inserted([0]),
  'odd byte': (draft, random) => inserted([random.below(256)])(draft, random),
  'byte changed': (draft, random) =>
    withBytes(draft, (body) => {
      const at = random.below(body.length);
      return Buffer.concat([body.subarray(0, at), Buffer.from([random.below(256)]), body.subarray(at + 1)]);
    }),
  'byte order mark': (draft) => withText(draft, (text) => `\ufeff${text}`),
  'UTF-16': (draft) => withBytes(draft, (body) => Buffer.from(`\ufeff${body}`, 'utf16le')),
  'UTF-16, big end first': (draft) => withBytes(draft, (body) => Buffer.from(`\ufeff${body}`, 'utf16le').swap16()),
  'cut short': (draft, random) => withBytes(draft, (body) => body.subarray(0, random.below(body.length + 1))),
  'more after the end': (draft, random) => withText(draft, (text) => text + random.pick(['{}', ']', ',', '\u0000', ' x', '//', text])),
  comment: (draft) => withText(draft, (text) => `/* a */${text}`),
  'single quotes': (draft) => withText(draft, (text) => text.replaceAll('"', "'")),
  'comma at the end': (draft) => withText(draft, (text) => text.replace(/([}\]])$/, ',$1')),
  'only white space': (draft) => withText(draft, () => ' \n\t '),
  'no JSON': (draft, random) => withText(draft, () => random.pick(['NaN', 'undefined', '{', '[', '"', 'a=b&c=d', '<a/>', '--x', '\u2028'])),
  'deep arrays': (draft) => withText(draft, () => '['.repeat(DEEP)),
  'deep, and closed': (draft) => withText(draft, () => `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`),
  'deep objects': (draft) => withText(draft, () => `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`),
  'deep within': (draft, random) =>
    withText(
      inObject(draft, random, (object) => ({ ...object, metadata: rawJson(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) })),
      (text) => text,
    ),
  'as large as may be': (draft) => padded(draft, LIMIT_BYTES),
  'one byte too large': (draft) => padded(draft, LIMIT_BYTES + 1),
  'far too large': (draft) => padded(draft, 3 * LIMIT_BYTES),
  'a long text': (draft, random) => withText(draft, () => jsonText({ [random.pick(['asset', 'reason', 'x'])]: 'x'.repeat(500_000) })),
  'many members': (draft) => withText(draft, () => objectText(Array.from({ length: 30_000 }, (_, index) => [`m${index}`, index]))),
  'many commands': (draft, random) => {
    const count = random.pick([1_000, 1_001]);
    return withText(draft, () => jsonText({ commands: Array.from({ length: count }, () => random.pick(ODD_TREES.slice(0, 8))) }));
  },
  gzip: encoded('gzip', (body) => gzipSync(body)),
  'gzip bomb': encoded('gzip', () => gzipSync(Buffer.alloc(8 * LIMIT_BYTES))),
  'said to be gzip': encoded('gzip', (body) => body),
  'odd encoding': (draft, random) =>
    encoded(random.pick(['br', 'deflate', 'identity', 'gzip, gzip', 'x', '']), (body) => body)(draft, random),
};
