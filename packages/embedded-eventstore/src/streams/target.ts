import type { TargetOptions } from '../codec/append-messages.ts';
import type { ExpectedRevision } from '../codec/shared-messages.ts';
import { MalformedMessageError } from '../codec/wire-reader.ts';

/** The stream of a write and what is expected of it, both known to be there. */
export interface Target {
  readonly stream: string;
  readonly expected: ExpectedRevision;
}

/** @throws MalformedMessageError naming what is missing. */
export function requireTarget(options: TargetOptions | undefined): Target {
  if (options === undefined) throw new MalformedMessageError('the options are missing');
  const { stream, expected } = options;
  if (stream === undefined) throw new MalformedMessageError('the stream identifier is missing');
  if (stream === '' || stream === '$$') throw new MalformedMessageError(`'${stream}' is not a stream name`);
  if (expected === undefined) throw new MalformedMessageError('the expected revision is missing');
  return { stream, expected };
}
