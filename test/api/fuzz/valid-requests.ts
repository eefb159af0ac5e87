// Requests as the document asks for them: what is then bent.
import type { Asker, Draft, Pair } from './draft.ts';
import { asBytes, percentEncoded } from './draft.ts';
import type { JsonObject, JsonTree } from './json-text.ts';
import { isObject, jsonText } from './json-text.ts';
import type { FuzzedApi, FuzzedOperation, Parameter, RequestBody } from './operations.ts';
import type { Random } from './random.ts';
import type { Known } from './valid-values.ts';
import { validValue } from './valid-values.ts';

export interface Setting {
  readonly api: FuzzedApi;
  readonly there: Known;
  readonly askers: readonly Asker[];
}

const KEY_HEADER = 'Idempotency-Key';
const textOf = (tree: JsonTree): string => (typeof tree === 'string' ? tree : jsonText(tree));

/**
 * A request that fits the document, by somebody, with a key that no other request has.
 * @param id of the request within its run.
 */
export function validRequest(operation: FuzzedOperation, setting: Setting, id: string, random: Random): Draft {
  const drawn = (parameter: Parameter): string => textOf(validValue(setting.api, parameter.schema, parameter.name, setting.there, random));
  const placed = (place: Parameter['in'], chance: number): readonly Parameter[] =>
    operation.parameters.filter((parameter) => parameter.in === place && (parameter.required || random.chance(chance)));
  const headers = placed('header', 0.1)
    .filter(({ name }) => name !== KEY_HEADER)
    .map((parameter): Pair => [parameter.name, asBytes(textOf(parameter.example ?? drawn(parameter)))]);
  const cookies = placed('cookie', 1).map((parameter) => `${parameter.name}=${percentEncoded(drawn(parameter))}`);
  const asker = random.pick(setting.askers);
  const credentials = operation.credentials.length === 0 ? undefined : random.pick(operation.credentials);
  const body = operation.bodies.length === 0 ? undefined : random.pick(operation.bodies);
  return {
    operation,
    asker,
    method: operation.method,
    params: Object.fromEntries(placed('path', 1).map((parameter) => [parameter.name, percentEncoded(drawn(parameter))])),
    query: placed('query', 0.2).map((parameter): Pair => [percentEncoded(parameter.name), percentEncoded(drawn(parameter))]),
    headers: [
      ['X-Request-Id', id],
      ...credentialHeaders(credentials, asker, setting.there, random),
      ...(operation.parameters.some(({ name }) => name === KEY_HEADER) ? [[KEY_HEADER, id] as const] : []),
      ...(cookies.length === 0 ? [] : [['Cookie', cookies.join('; ')] as const]),
      ...headers,
    ],
    ...(body !== undefined &&
      (body.isRequired || random.chance(0.8)) && { mediaType: body.mediaType, json: bodyFor(body, setting, id, random) }),
    bends: [],
  };
}

/** Credentials of the kind that is asked for; now and then an access token where none is. */
function credentialHeaders(
  kind: FuzzedOperation['credentials'][number] | undefined,
  asker: Asker,
  there: Known,
  random: Random,
): readonly Pair[] {
  if (typeof kind === 'object') return [['Cookie', `${kind.cookie}=${random.pick(there[kind.cookie] ?? [''])}`]];
  if (kind === 'basic') return random.chance(0.5) ? [['Authorization', `Basic ${random.pick(there['basic'] ?? [''])}`]] : [];
  if (asker.authorization === undefined || (kind === undefined && random.chance(0.9))) return [];
  return [['Authorization', asker.authorization]];
}

function bodyFor(body: RequestBody, setting: Setting, id: string, random: Random): JsonTree {
  if (body.example !== undefined && random.chance(0.1)) return body.example;
  const drawn = validValue(setting.api, body.schema, 'body', setting.there, random);
  if (!isObject(drawn) || !Array.isArray(drawn['commands'])) return drawn;
  const commands = drawn['commands'].map((command: JsonTree, index) =>
    isObject(command) ? bulkEntry(command, setting, `${id}-${index}`, random) : command,
  );
  return { ...drawn, commands };
}

/** The document leaves an entry's fields to the route of its command, whose operation is called like it. */
function bulkEntry(entry: JsonObject, { api, there }: Setting, key: string, random: Random): JsonTree {
  const name = String(entry['type']).replaceAll(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
  const operation = api.operations.find(({ operationId }) => operationId === name || operationId === name.replace('Account', ''));
  const [body] = operation?.bodies ?? [];
  const fields = body === undefined ? {} : validValue(api, body.schema, 'body', there, random);
  const named = (operation?.parameters ?? []).filter((parameter) => parameter.in === 'path');
  const params = named.map(({ name: param, schema }) => [param, validValue(api, schema, param, there, random)] as const);
  return { ...Object.fromEntries(params), ...(isObject(fields) ? fields : {}), ...entry, key };
}
