// The body of a request: JSON, read strictly.
import type { FastifyRequest } from 'fastify';
import { MalformedJson, parseStrictJson } from '../commands/strict-json.ts';
import { RefusedRequest, refusal } from './problems.ts';

/**
 * Reads a JSON text.
 * @returns undefined for no text at all.
 * @throws RefusedRequest malformed_request where it is not to be read (see parseStrictJson).
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (error instanceof MalformedJson) throw new RefusedRequest(refusal('malformed_request', error.message));
    throw error;
  }
}

/**
 * The JSON in a request's body, which fastify leaves as bytes: so the role is judged before the shape.
 * @returns undefined where there is no body.
 */
export const jsonBodyOf = (request: FastifyRequest): unknown =>
  request.body instanceof Uint8Array ? parseJsonBody(request.body) : undefined;
