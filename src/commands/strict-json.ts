// JSON, read strictly, whatever carried it. In a ledger a text that two parsers may read differently is not read at all.

/** The text is not to be read; the message says why, in a sentence for whoever sent it. */
export class MalformedJson extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'MalformedJson';
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** The names that would reach an object's prototype, were the value ever merged into another. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__']);
/** Far more than any body has use for; what goes through a value by calling itself would run out of stack on thousands. */
const MAX_DEPTH = 64;

/**
 * Reads a JSON text.
 * @returns undefined for no text at all.
 * @throws MalformedJson where it is no UTF-8 or no JSON, names a member twice (RFC 8259 leaves open
 * which one counts), names `__proto__`, is nested deeper than 64, or has a number that a double would round.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  const text = decoded(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedJson('The body is not JSON.');
  }
  const fault = structureFault(text);
  if (fault !== undefined) throw new MalformedJson(fault);
  return value;
}

function decoded(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new MalformedJson('The body is not UTF-8.');
  }
}

/** Strings, numbers, and what opens or closes an object or array, in the order they stand; everything else does not matter here. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]|-?[0-9][0-9.eE+-]*/g;

/** What is wrong with the member names, the numbers or the nesting of a text that is known to be JSON. */
function structureFault(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (colon !== undefined) {
      const name: string = JSON.parse(token.slice(0, -colon.length));
      const names = open.at(-1);
      if (FORBIDDEN_NAMES.has(name)) return `The member "${name}" is not allowed.`;
      if (names?.has(name)) return `The member "${name.slice(0, 64)}" stands twice in one object.`;
      names?.add(name);
    } else if (!token.startsWith('"') && !isKeptByDouble(token)) {
      return `The number ${token.slice(0, 64)} cannot be kept exactly; send it as a string.`;
    }
    if (open.length > MAX_DEPTH) return `The body is nested deeper than ${MAX_DEPTH} levels.`;
  }
  return undefined;
}

/** Whether the number comes out as it went in: two bodies that differ in it must not become one command. */
const isKeptByDouble = (text: string): boolean => significant(text) === significant(String(Number(text)));

/** A number's one spelling: its digits without zeros at either end, and their exponent. Undefined for what is no number (Infinity). */
function significant(text: string): string | undefined {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const trimmed = digits.replace(/0+$/, '');
  return trimmed === '' ? '0' : `${sign}${trimmed}e${Number(exponent) - fraction.length + digits.length - trimmed.length}`;
}
