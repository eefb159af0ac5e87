// What may be answered to a request, whatever it was: what is wrong with an answer, in words.
import { z } from 'zod';
import type { DocumentCheck } from '../document-check.ts';
import type { Draft } from './draft.ts';
import { bodyOf, targetOf } from './draft.ts';
import type { Exchange, HttpAnswer } from './exchange.ts';

const PROBLEM = 'application/problem+json';
const Coded = z.looseObject({ code: z.string() });

const mediaTypeOf = ({ headers, body }: HttpAnswer): string | undefined =>
  body.length === 0 ? undefined : (headers['content-type']?.split(';', 1)[0] ?? 'no media type');

/** The body as JSON; undefined where it says that it is none. @throws SyntaxError */
export function saidIn(answer: HttpAnswer): unknown {
  return mediaTypeOf(answer)?.endsWith('json') ? JSON.parse(String(answer.body)) : undefined;
}

/** A wait for a position that never comes is the one thing that is rightly answered 503 here. */
function isDueWait(draft: Draft, body: unknown): boolean {
  const coded = Coded.safeParse(body);
  return coded.success && coded.data.code === 'projection_behind' && /[?&]minPosition=/.test(targetOf(draft));
}

/** The path that a target means, without the host of an absolute one. */
const pathAsked = (draft: Draft): string =>
  targetOf(draft)
    .replace(/^https?:\/\/[^/]+(?=\/)/, '')
    .split(/[?#]/, 1)[0] ?? '';

/** What is wrong with an answer, whatever it is an answer to. */
function faultsOfAny(answer: HttpAnswer, body: unknown, draft: Draft, undescribedBy: DocumentCheck | undefined): readonly string[] {
  const { status } = answer;
  if (status >= 500 && !isDueWait(draft, body)) return [`answered ${status}`];
  if (status < 400 || draft.method === 'HEAD') return [];
  // What the document describes may have problems of another standard (RFC 6749).
  if (undescribedBy === undefined) return [];
  if (mediaTypeOf(answer) !== PROBLEM) return [`${status} as ${mediaTypeOf(answer)}`];
  const faults = undescribedBy.faultsAt(['components', 'schemas', 'Problem'], body);
  return z.looseObject({ status: z.literal(status) }).safeParse(body).success ? faults : [...faults, 'the problem has another status'];
}

/**
 * A server that answers before it has read what is sent, and closes, may take its answer away again (RFC 9112, 9.6): what then
 * still arrives is reset. That takes more than a connection holds by itself.
 */
const HELD_BYTES = 65_536;
const mayBeCut = (draft: Draft): boolean => draft.mayBeCut === true || (bodyOf(draft)?.length ?? 0) > HELD_BYTES;

/** What is wrong with what came back; empty where all is as the contract has it. */
export function faultsOf(draft: Draft, { answers, ending, rest }: Exchange, check: DocumentCheck): readonly string[] {
  const [first] = answers;
  if (first === undefined) return mayBeCut(draft) && ending === 'closed' ? [] : [`no answer: ${ending}`];
  // A HEAD that was no request by then is answered with a body.
  const left = rest.length > 0 && draft.method !== 'HEAD' ? [`bytes behind the answer: ${rest.subarray(0, 200)}`] : [];
  try {
    const asked = { method: draft.method, path: pathAsked(draft) };
    const all = answers.flatMap((answer) => faultsOfAny(answer, saidIn(answer), draft, check.describes(asked) ? undefined : check));
    const documented = check.faultsOf({
      ...asked,
      status: first.status,
      mediaType: mediaTypeOf(first),
      headers: first.headers,
      body: mediaTypeOf(first)?.endsWith('json') ? saidIn(first) : String(first.body),
    });
    return [...left, ...all, ...documented];
  } catch (error) {
    return [`an answer that cannot be read: ${error}`];
  }
}
