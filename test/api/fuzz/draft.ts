// A request before it is bytes: every part of it can be bent by itself.
import type { JsonTree } from './json-text.ts';
import { jsonText } from './json-text.ts';
import type { FuzzedOperation } from './operations.ts';

/** Somebody who asks: what stands in the header, and the actor that events of theirs must name. */
export interface Asker {
  readonly name: string;
  readonly authorization?: string;
  readonly actor?: string;
}

export type Pair = readonly [name: string, value: string];
export interface Parts {
  /** The request line, without its end. */
  readonly line: string;
  readonly headers: readonly Pair[];
  readonly body: Buffer;
}

export interface Draft {
  readonly operation: FuzzedOperation;
  readonly asker: Asker;
  readonly method: string;
  /** What stands in the path's parameters, percent-encoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Percent-encoded. */
  readonly query: readonly Pair[];
  /** Instead of the path and the query. */
  readonly target?: string;
  /** Each character is a byte. */
  readonly headers: readonly Pair[];
  readonly mediaType?: string;
  readonly json?: JsonTree;
  /** Instead of what `json` says. */
  readonly body?: Buffer;
  /** Instead of a well-formed HTTP/1.1 request. */
  readonly frame?: (parts: Parts) => Buffer;
  /** The end of the request will not come: the sender says so by closing its half of the connection. */
  readonly isIncomplete?: boolean;
  /** HTTP lets a server end the connection without an answer. */
  readonly mayBeCut?: boolean;
  /** How it was bent. */
  readonly bends: readonly string[];
}

/** Percent-encodes every byte that is not plain; halves of surrogate pairs become what UTF-8 makes of them. */
export const percentEncoded = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      /[A-Za-z0-9\-._~]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');

/** UTF-8 as it goes over the wire, a character a byte. */
export const asBytes = (text: string): string => Buffer.from(text).toString('latin1');

export const pathOf = ({ operation, params }: Draft): string =>
  operation.template.replaceAll(/\{([^}]+)\}/g, (_braced, name: string) => params[name] ?? '');

export function targetOf(draft: Draft): string {
  if (draft.target !== undefined) return draft.target;
  const query = draft.query.map(([name, value]) => `${name}=${value}`).join('&');
  return query === '' ? pathOf(draft) : `${pathOf(draft)}?${query}`;
}

const formText = (tree: JsonTree): string =>
  Object.entries(typeof tree === 'object' && tree !== null ? tree : {})
    .map(([name, value]) => `${percentEncoded(name)}=${percentEncoded(typeof value === 'string' ? value : jsonText(value))}`)
    .join('&');

export function bodyOf({ body, json, mediaType }: Draft): Buffer | undefined {
  if (body !== undefined) return body;
  if (json === undefined) return undefined;
  return Buffer.from(mediaType === 'application/x-www-form-urlencoded' ? formText(json) : jsonText(json));
}

export const headText = (line: string, headers: readonly Pair[]): string =>
  `${line}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;

const framed = ({ line, headers, body }: Parts): Buffer => Buffer.concat([Buffer.from(headText(line, headers), 'latin1'), body]);

/** The request as it goes over the wire. */
export function bytesOf(draft: Draft): Buffer {
  const body = bodyOf(draft);
  const has = (name: string): boolean => draft.headers.some(([header]) => header.toLowerCase() === name);
  const headers: Pair[] = [
    ...(has('host') ? [] : [['Host', 'ledger.test'] as const]),
    ...draft.headers,
    ...(body === undefined || has('content-type') || draft.mediaType === undefined ? [] : [['Content-Type', draft.mediaType] as const]),
    ...(body === undefined || has('content-length') || has('transfer-encoding') ? [] : [['Content-Length', String(body.length)] as const]),
    ...(has('connection') ? [] : [['Connection', 'close'] as const]),
  ];
  return (draft.frame ?? framed)({ line: `${draft.method} ${targetOf(draft)} HTTP/1.1`, headers, body: body ?? Buffer.alloc(0) });
}
