// Answers that are too long to be held in memory: written as they are read.
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

export interface StreamedText {
  readonly mediaType: string;
  /** What a browser is to call it where it saves it. */
  readonly fileName?: string;
  readonly chunks: AsyncIterable<string>;
}

export const isStreamedText = (answer: unknown): answer is StreamedText =>
  typeof answer === 'object' && answer !== null && 'chunks' in answer && 'mediaType' in answer;

/**
 * Sends it no faster than it is taken. Where its source fails on the way, the connection is cut: whoever reads it does not take
 * a part for the whole.
 */
export function sendText(reply: FastifyReply, { mediaType, fileName, chunks }: StreamedText): FastifyReply {
  if (fileName !== undefined) reply.header('Content-Disposition', `attachment; filename="${fileName}"`);
  return reply.type(mediaType).send(Readable.from(chunks));
}
