// JSON in the one spelling of RFC 8785 (JCS), so that equal values are equal texts. The package `canonicalize`, which the tests
// compare it with, takes three times as long, and this runs for every event of the log. Unlike the RFC it also has a text for half
// characters (lone surrogates), as JSON.stringify escapes them: somebody may have written one past the ledger, and the chain
// must not end there.

/** Strings that are written as they are: no quote, no backslash, no control character, and no surrogate, of which only JSON.stringify can judge. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
const MAX_NAMES = 1000;

/** Members' names as they are written, since they are the same ones over and over. */
const names = new Map<string, string>();

function nameOf(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const written = `${textOf(name)}:`;
  if (names.size < MAX_NAMES) names.set(name, written);
  return written;
}

const textOf = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/** The canonical text of a JSON value. Members that are undefined are left out. @throws TypeError for what is no JSON value. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return textOf(value);
  if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isRecord(value)) throw new TypeError(`no JSON value: ${String(value)}`);
  let text = '';
  // By UTF-16 code units, as sort() compares.
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member !== undefined) text += `${text === '' ? '' : ','}${nameOf(name)}${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
