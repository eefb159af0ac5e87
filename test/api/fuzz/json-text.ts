// JSON texts, also those that no serializer writes: numbers as they are spelt, members that stand twice.

const RAW = Symbol('raw JSON text');
/** Stands in a tree for a text that is written as it is. */
export interface RawJson {
  readonly [RAW]: string;
}
/** What a body is made of; `undefined` is left out, as JSON.stringify would. */
export type JsonTree = string | number | boolean | null | undefined | RawJson | readonly JsonTree[] | { readonly [name: string]: JsonTree };
export type JsonObject = Readonly<Record<string, JsonTree>>;

export const rawJson = (text: string): RawJson => ({ [RAW]: text });

export const isObject = (tree: JsonTree): tree is JsonObject =>
  typeof tree === 'object' && tree !== null && !Array.isArray(tree) && !(RAW in tree);

const memberText = ([name, value]: readonly [string, JsonTree]): string => `${JSON.stringify(name)}:${jsonText(value)}`;

/** An object's text out of members that need not have names of their own. */
export const objectText = (members: readonly (readonly [string, JsonTree])[]): string =>
  `{${members
    .filter(([, value]) => value !== undefined)
    .map(memberText)
    .join(',')}}`;

export function jsonText(tree: JsonTree): string {
  if (tree === undefined) return 'null';
  if (Array.isArray(tree)) return `[${tree.map(jsonText).join(',')}]`;
  if (typeof tree === 'object' && tree !== null && RAW in tree) return String(tree[RAW]);
  return isObject(tree) ? objectText(Object.entries(tree)) : JSON.stringify(tree);
}

export type Path = readonly (string | number)[];

/** Every place in a tree, the whole of it first. */
export function pathsIn(tree: JsonTree, at: Path = []): readonly Path[] {
  if (Array.isArray(tree)) return [at, ...tree.flatMap((inner, index) => pathsIn(inner, [...at, index]))];
  return isObject(tree) ? [at, ...Object.entries(tree).flatMap(([name, inner]) => pathsIn(inner, [...at, name]))] : [at];
}

/** The tree with what stands at that path changed. */
export function changedAt(tree: JsonTree, [step, ...rest]: Path, change: (tree: JsonTree) => JsonTree): JsonTree {
  if (step === undefined) return change(tree);
  if (Array.isArray(tree)) return tree.map((inner, index) => (index === step ? changedAt(inner, rest, change) : inner));
  if (!isObject(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([name, inner]) => [name, name === step ? changedAt(inner, rest, change) : inner]));
}
