// An example of each problem, as a client would see it.
import { CommandIdSchema } from '../domain/ids.ts';
import { isRejectionCode, REJECTIONS } from '../domain/rejections.ts';
import { EXPLANATIONS } from './problem-explanations.ts';
import type { ProblemBody, ProblemCode } from './problems.ts';
import { problemOf } from './problems.ts';

const instance = '1f3b6c1e-52a5-4bd4-a0f2-6f4a2c2f6b0e';
const commandId = CommandIdSchema.parse('0b6b8e2f-7a62-5f0a-9d9c-2b1b3d1c7a11');

/** The example of a code; one that the log keeps carries its place there. */
export function problemExample(code: ProblemCode): ProblemBody {
  const { detail, fields = {}, errors } = EXPLANATIONS[code].example;
  const isStored = isRejectionCode(code) && REJECTIONS[code].stored;
  return problemOf(
    { code, detail, fields, ...(errors === undefined ? {} : { errors }) },
    { instance, ...(isStored ? { commandId, revision: 12n, position: 48211n } : {}) },
  );
}
