// The media type of a body: JSON in UTF-8, as it is (on the one route that says so, a form). What would have to be unpacked or recoded is not read.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RefusedRequest, refusal } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes a form, and no JSON. */
    takesForm?: boolean;
  }
}

const JSON_TYPE = 'application/json';
/** What pages of other sites can send without asking: taken where a standard wants it, and nowhere else. */
export const FORM_TYPE = 'application/x-www-form-urlencoded';

/** The media type that a route takes. */
export const bodyTypeOf = ({ routeOptions }: Pick<FastifyRequest, 'routeOptions'>): string =>
  routeOptions.config.takesForm ? FORM_TYPE : JSON_TYPE;

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;
/** ASCII is UTF-8 that keeps to itself. */
const READ_CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii']);

/**
 * Makes fastify take JSON bodies, and forms on routes that take those, and leave them as bytes until the role was judged (see
 * jsonBodyOf). Everything else is answered 415.
 */
export function takeBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  for (const type of [JSON_TYPE, FORM_TYPE])
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (request, body, done) => {
      const fault = type === bodyTypeOf(request) ? mediaTypeFault(request) : `Send the body as ${bodyTypeOf(request)}.`;
      if (fault === undefined) done(null, body);
      else done(new RefusedRequest(refusal('unsupported_media_type', fault)));
    });
}

function mediaTypeFault({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !READ_CHARSETS.has(charset.toLowerCase())) return 'Send the body in UTF-8.';
  const encoding = headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? undefined : 'Send the body without a content encoding.';
}
