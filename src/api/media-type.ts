// The media type of a body: JSON in UTF-8, as it is. What would have to be unpacked or recoded is not read.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RefusedRequest, refusal } from './problems.ts';

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;
/** ASCII is UTF-8 that keeps to itself. */
const READ_CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii']);

/**
 * Makes fastify take JSON bodies only, and leave them as bytes until the role was judged (see jsonBodyOf).
 * Everything else is answered 415.
 */
export function takeJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const fault = mediaTypeFault(request);
    if (fault === undefined) done(null, body);
    else done(new RefusedRequest(refusal('unsupported_media_type', fault)));
  });
}

function mediaTypeFault({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !READ_CHARSETS.has(charset.toLowerCase())) return 'Send JSON in UTF-8.';
  const encoding = headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? undefined : 'Send the body without a content encoding.';
}
