// What may be asked of the API, read off the document that it serves: nothing here knows a route.
import { z } from 'zod';
import type { JsonTree } from './json-text.ts';

/** As much of JSON Schema as the document uses. */
export interface JsonSchema {
  readonly $ref?: string | undefined;
  readonly type?: string | undefined;
  readonly enum?: readonly JsonTree[] | undefined;
  readonly const?: JsonTree | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: boolean | JsonSchema | undefined;
  readonly items?: JsonSchema | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
  readonly oneOf?: readonly JsonSchema[] | undefined;
  readonly allOf?: readonly JsonSchema[] | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly pattern?: string | undefined;
  readonly format?: string | undefined;
  readonly examples?: readonly JsonTree[] | undefined;
}

const Json: z.ZodType<JsonTree> = z.json();
const JsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    // Of several types the first is asked for: that is the one beside null.
    type: z
      .union([z.string(), z.tuple([z.string()], z.string())])
      .transform((types) => (typeof types === 'string' ? types : types[0]))
      .optional(),
    enum: z.array(Json).optional(),
    const: Json.optional(),
    properties: z.record(z.string(), JsonSchema).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), JsonSchema]).optional(),
    items: JsonSchema.optional(),
    anyOf: z.array(JsonSchema).optional(),
    oneOf: z.array(JsonSchema).optional(),
    allOf: z.array(JsonSchema).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    pattern: z.string().optional(),
    format: z.string().optional(),
    examples: z.array(Json).optional(),
  }),
);

const Parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header', 'cookie']),
  required: z.boolean().default(false),
  schema: JsonSchema,
  example: Json.optional(),
});
export type Parameter = z.output<typeof Parameter>;
const Operation = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.unknown())).default([]),
  parameters: z.array(Parameter).default([]),
  requestBody: z
    .object({
      required: z.boolean().default(false),
      content: z.record(z.string(), z.object({ schema: JsonSchema, example: Json.optional() })),
    })
    .optional(),
});
const FuzzedDocument = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({
    schemas: z.record(z.string(), JsonSchema),
    securitySchemes: z.record(
      z.string(),
      z.object({ scheme: z.string().optional(), in: z.string().optional(), name: z.string().optional() }),
    ),
  }),
});

export interface RequestBody {
  readonly mediaType: string;
  readonly isRequired: boolean;
  readonly schema: JsonSchema;
  readonly example?: JsonTree;
}
export interface FuzzedOperation {
  readonly operationId: string;
  /** In capitals. */
  readonly method: string;
  /** As OpenAPI writes it. */
  readonly template: string;
  readonly parameters: readonly Parameter[];
  readonly bodies: readonly RequestBody[];
  /** How credentials may be given: by `bearer` or `basic` authentication, or in the cookie of that name. */
  readonly credentials: readonly ('bearer' | 'basic' | { readonly cookie: string })[];
}
export interface FuzzedApi {
  readonly operations: readonly FuzzedOperation[];
  /** The schema that a reference of the document leads to. */
  resolve(schema: JsonSchema): JsonSchema;
}

const REFERENCE = '#/components/schemas/';

/** @param document as the app gives it out. */
export function fuzzedApi(document: unknown): FuzzedApi {
  const { paths, components } = FuzzedDocument.parse(document);
  const credentialsBy = (name: string): FuzzedOperation['credentials'] => {
    const scheme = components.securitySchemes[name];
    if (scheme?.in === 'cookie' && scheme.name !== undefined) return [{ cookie: scheme.name }];
    if (scheme?.scheme === 'bearer' || scheme?.scheme === 'basic') return [scheme.scheme];
    throw new Error(`nobody knows how to give credentials by ${name}`);
  };
  const operations = Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(
      ([method, { operationId, parameters, security, requestBody }]): FuzzedOperation => ({
        operationId,
        method: method.toUpperCase(),
        template,
        parameters,
        credentials: security.flatMap((requirement) => Object.keys(requirement).flatMap(credentialsBy)),
        bodies: Object.entries(requestBody?.content ?? {}).map(([mediaType, { schema, example }]) => ({
          mediaType,
          isRequired: requestBody?.required === true,
          schema,
          ...(example !== undefined && { example }),
        })),
      }),
    ),
  );
  const resolve = (schema: JsonSchema): JsonSchema => {
    if (schema.$ref === undefined) return schema;
    const found = components.schemas[schema.$ref.slice(REFERENCE.length)];
    if (found === undefined) throw new Error(`the document has no ${schema.$ref}`);
    return resolve(found);
  };
  return { operations, resolve };
}
