// Request headers: read once, strictly. A header that changes what a write does is never guessed at.
import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { IdempotencyKeySchema, INTERNAL_KEY_PREFIX } from '../domain/ids.ts';
import { RefusedRequest, refusal } from './problems.ts';

/** What a request needs to have for its headers to be read. */
type Headed = Pick<FastifyRequest, 'headers'> & { readonly raw: { readonly rawHeaders: readonly string[] } };

/** The value of a header that may stand once; Node would join a repeated one into a value that nobody sent. */
function onlyValueOf({ raw, headers }: Headed, name: string): string | undefined {
  const value = headers[name];
  if (value === undefined) return undefined;
  const times = raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
  if (times > 1 || typeof value !== 'string') throw malformed(`The header ${name} stands ${times} times; it may stand once.`);
  return value;
}

const malformed = (detail: string): RefusedRequest => new RefusedRequest(refusal('malformed_request', detail));

/**
 * Why a key cannot be used, or undefined where it can.
 * The prefix `sys:` is kept for the ledger's own commands, so that nobody can take the key of one.
 */
export function keyFault(key: unknown): string | undefined {
  if (!IdempotencyKeySchema.safeParse(key).success) return 'An idempotency key is 1 to 255 printable ASCII characters.';
  return typeof key === 'string' && key.startsWith(INTERNAL_KEY_PREFIX)
    ? `Keys that begin with "${INTERNAL_KEY_PREFIX}" are the ledger's own.`
    : undefined;
}

/**
 * The Idempotency-Key, exactly as it was sent (quotes, if any, are part of it). Where none was sent and none is required, a random one.
 * @throws RefusedRequest idempotency_key_missing; malformed_request where it is no key, or stands twice.
 */
export function idempotencyKeyOf(request: Headed, { required }: { readonly required: boolean }): string {
  const key = onlyValueOf(request, 'idempotency-key');
  if (key === undefined || key === '') {
    if (!required && key === undefined) return randomUUID();
    throw new RefusedRequest(
      refusal('idempotency_key_missing', 'Send an Idempotency-Key: any text that you will send again only to repeat this very request.'),
    );
  }
  const fault = keyFault(key);
  if (fault !== undefined) throw malformed(fault);
  return key;
}

const STRONG_REVISION = /^"(0|[1-9][0-9]{0,18})"$/;

/**
 * The revision that If-Match asks for; undefined where there is none, or `*` (which any existing account matches).
 * @throws RefusedRequest malformed_request for anything but one strong entity tag: weak ones never match (RFC 9110, 13.1.1).
 */
export function ifMatchOf(request: Headed): bigint | undefined {
  const value = onlyValueOf(request, 'if-match');
  if (value === undefined || value === '*') return undefined;
  const revision = STRONG_REVISION.exec(value)?.[1];
  if (revision === undefined) throw malformed('If-Match takes one revision in quotes, such as "12", or *.');
  return BigInt(revision);
}

/** The entity tag of a revision. */
export const entityTag = (revision: bigint): string => `"${revision}"`;

/** Whether If-None-Match names that entity tag. Compared weakly, as RFC 9110 asks of it. */
export function isNoneMatchHit(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((candidate) => {
    const text = candidate.trim();
    return text === '*' || text.replace(/^W\//, '') === tag;
  });
}

/** What a request prefers (RFC 7240), as far as that is for the ledger. */
export interface SendPreference {
  /** Rather be answered that the command is taken than wait until it is decided. */
  readonly isAsync?: boolean;
  /** How long to wait for the outcome. */
  readonly waitMs?: number;
}

const MS_PER_S = 1000;

/** The preferences of a request. Of one that stands twice the first counts; one that cannot be understood is passed over, as that RFC asks. */
export function preferenceOf({ headers }: Pick<FastifyRequest, 'headers'>): SendPreference {
  const preferences = new Map<string, string>();
  for (const text of String(headers['prefer'] ?? '').split(',')) {
    const [name = '', value = ''] = (text.split(';', 1)[0] ?? '').split('=', 2).map((part) => part.trim());
    const known = name.toLowerCase();
    if (!preferences.has(known)) preferences.set(known, value.replace(/^"(.*)"$/, '$1'));
  }
  const wait = preferences.get('wait');
  return {
    ...(preferences.has('respond-async') && { isAsync: true }),
    ...(wait !== undefined && /^[0-9]{1,6}$/.test(wait) && { waitMs: Number(wait) * MS_PER_S }),
  };
}

/** What Preference-Applied says where the answer is that the command is pending; undefined where nothing was asked for. */
export function preferenceApplied({ isAsync = false, waitMs }: SendPreference): string | undefined {
  const applied = [...(isAsync ? ['respond-async'] : []), ...(waitMs === undefined ? [] : [`wait=${waitMs / MS_PER_S}`])];
  return applied.length === 0 ? undefined : applied.join(', ');
}

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** The id of a request: the X-Request-Id it came with where that is fit to be logged, else a new one. */
export function requestIdFrom(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID();
}

/** The W3C trace context. */
export const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The W3C trace context of a request; one that is not well-formed is left out, as that standard asks. */
export function traceparentOf(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  const value = request.headers['traceparent'];
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined;
}
