// Holds answers against the API's own document: what it does not describe must not be said.
import type { ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { z } from 'zod';

const Media = z.looseObject({
  schema: z.unknown(),
  example: z.unknown().optional(),
  examples: z.record(z.string(), z.unknown()).optional(),
});
const Answer = z.looseObject({ content: z.record(z.string(), Media).optional(), headers: z.record(z.string(), z.unknown()).optional() });
const Operation = z.looseObject({
  operationId: z.string(),
  description: z.string().optional(),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  requestBody: z.looseObject({ content: z.record(z.string(), Media) }).optional(),
  responses: z.record(z.string(), Answer),
});
/** As much of an OpenAPI document as is looked at here. */
export const ApiDocument = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({ examples: z.record(z.string(), z.looseObject({ value: z.unknown() })) }),
});
export type ApiDocument = z.output<typeof ApiDocument>;

export interface Told {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly mediaType: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface DocumentCheck {
  /** Whether the document says anything of that method at that path. */
  describes(told: Pick<Told, 'method' | 'path'>): boolean;
  /** What is wrong with the value by the schema at that JSON pointer into the document; empty where it fits. */
  faultsAt(pointer: readonly string[], value: unknown): readonly string[];
  /** What an answer says beyond what the document says of its operation; empty where the document describes it. */
  faultsOf(told: Told): readonly string[];
}

const escaped = (step: string): string => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));
const said = ({ instancePath, message, params }: ErrorObject): string => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`;

export function makeDocumentCheck(document: ApiDocument): DocumentCheck {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'document');
  const templates = Object.keys(document.paths).map((template) => ({
    template,
    pattern: new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
  }));

  const faultsAt = (pointer: readonly string[], value: unknown): readonly string[] => {
    const validate = ajv.getSchema(`document#/${pointer.map(escaped).join('/')}`);
    if (validate === undefined) return [`the document has nothing at ${pointer.join(' ')}`];
    return validate(value) ? [] : (validate.errors ?? []).map(said);
  };
  const templateOf = (path: string): string | undefined =>
    Object.hasOwn(document.paths, path) ? path : templates.find(({ pattern }) => pattern.test(path))?.template;

  const operationAt = (template: string | undefined, method: string): z.output<typeof Operation> | undefined =>
    template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];

  return {
    describes: ({ method, path }) => operationAt(templateOf(path), method) !== undefined,
    faultsAt,
    faultsOf({ method, path, status, mediaType, headers, body }) {
      const template = templateOf(path);
      const operation = operationAt(template, method);
      if (template === undefined || operation === undefined) return [];
      const answer = operation.responses[String(status)];
      if (answer === undefined) return [`${operation.operationId} does not list ${status}`];
      const undocumented = ['etag', 'link', 'location', 'idempotency-hit', 'retry-after', 'www-authenticate'].filter(
        (name) => headers[name] !== undefined && !Object.keys(answer.headers ?? {}).some((listed) => listed.toLowerCase() === name),
      );
      const faults = undocumented.map((name) => `${operation.operationId} ${status} does not list the header ${name}`);
      if (mediaType === undefined) return answer.content === undefined ? faults : [...faults, `${status} without the body it should have`];
      if (answer.content?.[mediaType] === undefined) return [...faults, `${operation.operationId} ${status} does not list ${mediaType}`];
      const pointer = ['paths', template, method.toLowerCase(), 'responses', String(status), 'content', mediaType, 'schema'];
      return [...faults, ...faultsAt(pointer, body).map((fault) => `${operation.operationId} ${status}: ${fault}`)];
    },
  };
}
