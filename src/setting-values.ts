// What settings can be: each takes the text of a variable, and says in a message what it has to be.
import { z } from 'zod';

export function wholeNumber(smallest: number, largest: number) {
  const message = `a whole number from ${smallest} to ${largest}`;
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,14})$/, message)
    .transform(Number)
    .pipe(z.number().min(smallest, message).max(largest, message));
}

export function yesOrNo() {
  const message = 'true or false';
  return z.enum(['true', 'false'], message).transform((text) => text === 'true');
}

export function listOf<const T extends readonly [string, ...string[]]>(words: T) {
  const message = `one or more of ${words.join(', ')}, separated by commas`;
  return z
    .string()
    .transform((list) => [...new Set(list.split(',').map((word) => word.trim()))])
    .pipe(z.array(z.enum(words, message)).min(1, message));
}

export function serverUrl(...protocols: string[]) {
  const message = `a URL beginning ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  return z
    .string()
    .refine((text) => protocols.some((protocol) => text.startsWith(`${protocol}//`) && text.length > protocol.length + 2), message);
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** `name=value,name=value`, the values percent-encoded, as the standard has OTEL_EXPORTER_OTLP_HEADERS. */
export function headerList() {
  return z.string().transform((text, { addIssue }): Readonly<Record<string, string>> => {
    const pairs = text.split(',').map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [name.trim(), decoded(value.join('=').trim())] as const;
    });
    const isRight = pairs.every(([name, value]) => HEADER_NAME.test(name) && value !== undefined);
    if (!isRight) addIssue('headers, `name=value`, separated by commas');
    return Object.fromEntries(pairs.map(([name, value]) => [name, value ?? '']));
  });
}

function decoded(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
