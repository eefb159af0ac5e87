// The OpenAPI 3.1 document: generated from the routes' own schemas, finished with what schemas cannot say (headers, examples, problems).
import type { SwaggerOptions } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { isRejectionCode, REJECTIONS } from '../domain/rejections.ts';
import { accessInWords, accessTo } from '../identity/access.ts';
import { Problem } from './contract.ts';
import { FORM_TYPE } from './media-type.ts';
import { problemExample } from './problem-example.ts';
import type { ProblemCode } from './problems.ts';
import { PROBLEM_KINDS, PROBLEM_MEDIA_TYPE } from './problems.ts';
import { REFRESH_COOKIE } from './refresh-cookie.ts';
import type { AnswerHeader, ApiRoute, DocumentedAnswer, DocumentedHeader, SecurityRequirement } from './route.ts';
import { TAGS } from './route.ts';

type Operation = OpenAPIV3_1.OperationObject;
type Response = OpenAPIV3_1.ResponseObject;
type Header = OpenAPIV3_1.HeaderObject;
type Document = OpenAPIV3_1.Document;

const text = { type: 'string' } as const;

const REQUEST_HEADERS: Readonly<Record<DocumentedHeader, OpenAPIV3_1.ParameterObject>> = {
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Names this command, for ever, at the account it addresses. The same key with the same command is answered as the first time and has no second effect. Required on POST, except for dry runs; elsewhere one is made. Keys that begin with `sys:` are the ledger’s own.',
    schema: { ...text, minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]{1,255}$' },
    example: 'payment-2026-01-31-0001',
  },
  'If-Match': {
    name: 'If-Match',
    in: 'header',
    description: 'Only where the account is still at this revision; else 412. One revision in quotes, or `*`.',
    schema: text,
    example: '"12"',
  },
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    description: 'Answer 304 where the account is still at this revision.',
    schema: text,
    example: '"12"',
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description:
      'RFC 7240. `respond-async`: be answered 202 as soon as the broker has the command. `wait=N`: be answered 202 where it is not decided within so many seconds (60 at most). Without a broker every command is answered when it is decided: neither changes anything, nor is confirmed by `Preference-Applied`.',
    schema: text,
    example: 'respond-async, wait=5',
  },
};

const ANSWER_HEADERS: Readonly<Record<AnswerHeader | 'Retry-After', Header>> = {
  ETag: { description: 'The account’s revision.', schema: text, example: '"12"' },
  'Idempotency-Hit': {
    description: '`true` where an earlier request with this key made the outcome.',
    schema: { ...text, enum: ['true'] },
  },
  Link: { description: 'RFC 8288: the `next` and `prev` pages.', schema: text },
  Location: { description: 'Where what was created is found; of a 202, where its outcome will be.', schema: text },
  'Preference-Applied': { description: 'Which preferences led to this answer.', schema: text, example: 'respond-async' },
  'Retry-After': { description: 'Seconds to wait before trying again.', schema: text, example: '1' },
  'Set-Cookie': {
    description: `The refresh token, in the cookie \`${REFRESH_COOKIE}\` (HttpOnly, SameSite=Strict, for /v1/auth only).`,
    schema: text,
    example: `${REFRESH_COOKIE}=; Max-Age=0; Path=/v1/auth; HttpOnly; SameSite=Strict`,
  },
  'WWW-Authenticate': { description: 'How to authenticate.', schema: text, example: 'Bearer' },
};

const headersNamed = (names: readonly (keyof typeof ANSWER_HEADERS)[]): Record<string, Header> =>
  Object.fromEntries(names.map((name) => [name, ANSWER_HEADERS[name]]));

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** `amount` marks amounts for the edge's own use; it is no keyword of JSON Schema. */
const zodToJsonConfig = {
  override: ({ jsonSchema }: { jsonSchema: object }): void => {
    Reflect.deleteProperty(jsonSchema, 'amount');
  },
};

/** The name of the scheme that almost every operation has. */
const BEARER = 'bearer';
const SECURITY_SCHEMES: Readonly<Record<typeof BEARER | Exclude<SecurityRequirement, 'none'>, OpenAPIV3_1.SecuritySchemeObject>> = {
  [BEARER]: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token (RFC 6750), in the Authorization header.',
  },
  refreshCookie: { type: 'apiKey', in: 'cookie', name: REFRESH_COOKIE, description: 'The cookie that a log-in has set.' },
  client: { type: 'http', scheme: 'basic', description: 'The id and the secret of a client (RFC 6749, 2.3.1).' },
};

/** Options for @fastify/swagger: the document of these routes. */
export function openApiOptions(routes: readonly ApiRoute[], version: string): SwaggerOptions {
  const toJson = createJsonSchemaTransform({ zodToJsonConfig });
  const withComponents = createJsonSchemaTransformObject({ zodToJsonConfig });
  const documentedBodies = new Map(routes.map(({ doc, documentedBody }) => [doc.operationId, documentedBody]));
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Ledgerfold',
        version,
        description:
          'An event-sourced ledger. Amounts are decimal strings; revisions and positions are decimal strings, too. Every problem is explained at its `type`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The ledger that serves this document.' }],
      components: {
        securitySchemes: SECURITY_SCHEMES,
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    transform: (document) => {
      const body = documentedBodies.get(document.schema?.operationId ?? '');
      return toJson(body === undefined ? document : { ...document, schema: { ...document.schema, body } });
    },
    transformObject: (document) => {
      // @fastify/swagger types the object by OpenAPI 3.0 and 3.1 at once; `openapi` above says which it is.
      const complete = withComponents(document) as unknown as Document;
      for (const route of routes) finish(complete, route);
      return withoutUnused(withProblemExamples(complete, routes)) as ReturnType<typeof withComponents>;
    },
  };
}

function finish(document: Document, { method, path, doc, takesForm }: ApiRoute): void {
  const operation: Operation | undefined = document.paths?.[path]?.[method.toLowerCase() as Lowercase<typeof method>];
  if (operation === undefined) throw new Error(`${method} ${path} is not in the document`);
  const access = accessTo(method, path);
  const usual = access === 'anyone' ? [] : [{ [BEARER]: [] }];
  operation.security = doc.security?.map((name) => (name === 'none' ? {} : { [name]: [] })) ?? usual;
  operation.description = [doc.description, `For: ${accessInWords(access)}.`].filter(Boolean).join('\n\n');
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...doc.headers.map(({ name, required }) => ({ ...REQUEST_HEADERS[name], required })),
  ];
  // A DELETE is refused with a body that says anything, so there is none to describe.
  if (method === 'DELETE') delete operation.requestBody;
  if (isObject(operation.requestBody) && 'content' in operation.requestBody) {
    const body = operation.requestBody;
    body.required = doc.bodyRequired;
    const media = body.content[takesForm ? FORM_TYPE : 'application/json'];
    if (media && doc.bodyExample !== undefined) media.example = doc.bodyExample;
  }
  const answers = Object.entries(doc.answers).map(([status, answer]) => [status, answered(operation.responses?.[status], answer)] as const);
  const byStatus = Map.groupBy([...answers, ...problemResponses([...doc.problems, ...ANY_REQUEST])], ([status]) => status);
  operation.responses = Object.fromEntries([...byStatus].map(([status, told]) => [status, together(told.map(([, response]) => response))]));
}

/** What one status can mean: where a standard has refusals of its own, they are told beside ours. */
const together = (responses: readonly Response[]): Response =>
  responses.reduce((one, other) => ({
    description: `${one.description}; ${other.description}`,
    headers: { ...one.headers, ...other.headers },
    content: { ...one.content, ...other.content },
  }));

/** The answer as @fastify/swagger made it from the schema, with its headers and its example. */
function answered(generated: unknown, answer: DocumentedAnswer): Response {
  const content = isObject(generated) && 'content' in generated ? (generated as unknown as Response).content : undefined;
  const media = content?.['application/json'];
  const texts = Object.entries(answer.texts ?? {}).map(([type, example]) => [type, { schema: text, example }] as const);
  return {
    description: answer.description,
    ...(answer.headers.length === 0 ? {} : { headers: headersNamed(answer.headers) }),
    ...(answer.schema === undefined || media === undefined
      ? {}
      : { content: { 'application/json': { ...media, example: answer.example }, ...Object.fromEntries(texts) } }),
  };
}

/** What any request may be answered, whatever it asks for: see request-limits.ts and server-limits.ts. */
export const ANY_REQUEST: readonly ProblemCode[] = ['overloaded', 'rate_limited'];

/** The operation's problems by status, each with the codes that it may have and an example of each. */
function problemResponses(codes: readonly ProblemCode[]): readonly (readonly [status: string, Response])[] {
  const byStatus = Map.groupBy([...new Set(codes)].sort(), (code) => PROBLEM_KINDS[code].status);
  return [...byStatus]
    .sort(([one], [other]) => one - other)
    .map(([status, inStatus]) => [String(status), problemResponse(status, inStatus)]);
}

function problemResponse(status: number, codes: readonly ProblemCode[]): Response {
  const headers = [
    ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
    ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
    ...(codes.some((code) => isRejectionCode(code) && REJECTIONS[code].stored) ? (['Idempotency-Hit'] as const) : []),
  ];
  return {
    description: codes.join(', '),
    ...(headers.length === 0 ? {} : { headers: headersNamed(headers) }),
    content: {
      [PROBLEM_MEDIA_TYPE]: {
        schema: {
          allOf: [
            { $ref: PROBLEM_REFERENCE },
            { type: 'object', properties: { status: { type: 'integer', enum: [status] }, code: { type: 'string', enum: [...codes] } } },
          ],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

/** One example of each problem that any operation has: they are referred to rather than said again in every operation. */
function withProblemExamples(document: Document, routes: readonly ApiRoute[]): Document {
  const codes = new Set([...routes.flatMap(({ doc }) => doc.problems), ...ANY_REQUEST]);
  const examples = Object.fromEntries([...codes].sort().map((code) => [code, { value: problemExample(code) }]));
  return { ...document, components: { ...document.components, examples } };
}

const PROBLEM_REFERENCE = `#/components/schemas/${Problem.meta()?.id}`;
const SCHEMAS = '#/components/schemas/';

/** Without the components that nothing refers to: the generator makes one of each schema for requests and another for answers. */
function withoutUnused(document: Document): Document {
  const schemas = document.components?.schemas ?? {};
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    if (!isObject(value)) return;
    const reference = value['$ref'];
    if (typeof reference === 'string' && reference.startsWith(SCHEMAS)) {
      const name = reference.slice(SCHEMAS.length);
      if (!used.has(name)) {
        used.add(name);
        visit(schemas[name]);
      }
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(document.paths);
  const kept = Object.entries(schemas)
    .filter(([name]) => used.has(name))
    .sort(([one], [other]) => one.localeCompare(other));
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(kept) } };
}
