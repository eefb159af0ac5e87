// What a check finds wrong: which thing, where it stands, and in a sentence what was expected and what is there instead.
import type { EventPlace } from '../eventstore/errors.ts';

export interface Finding {
  /** What kind of trouble it is, in snake_case; for programs. */
  readonly kind: string;
  /** One English sentence with the figures. */
  readonly detail: string;
  /** The event that it is about, or that it was found at. Absent where it is about no event. */
  readonly stream?: string;
  readonly revision?: bigint;
  readonly position?: bigint;
  readonly eventId?: string;
  /** What should be there, and what is there; absent where the sentence says it. */
  readonly expected?: string;
  readonly found?: string;
}

/** A finding about an event. */
export const findingAt = (
  { stream, revision, position, eventId }: EventPlace,
  finding: Pick<Finding, 'kind' | 'detail' | 'expected' | 'found'>,
): Finding => ({ ...finding, stream, revision, position, eventId });

/** The finding in a line, for people. */
export function lineOfFinding({ kind, detail, stream, revision, position, expected, found }: Finding): string {
  const where = stream === undefined ? '' : `${stream}@${revision} (position ${position}): `;
  const figures = expected === undefined && found === undefined ? '' : ` Expected ${expected ?? 'nothing'}, found ${found ?? 'nothing'}.`;
  return `${kind}: ${where}${detail}${figures}`;
}
