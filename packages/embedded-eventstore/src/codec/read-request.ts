import { decodeStreamIdentifier } from './shared-messages.ts';
import { readFields } from './wire-reader.ts';

export type ReadFrom = 'start' | 'end' | number;

/** Before there was a field for it, "end" was said by the largest revision or position. */
const WIRE_END = 2n ** 64n - 1n;

export type ReadTarget =
  | { readonly kind: 'stream'; readonly stream: string; readonly from: ReadFrom | undefined }
  | { readonly kind: 'all'; readonly from: ReadFrom | undefined };

export interface FilterOptions {
  readonly on: 'stream' | 'type' | undefined;
  readonly regex: string;
  readonly prefixes: readonly string[];
  /** Events considered between two checkpoints, before the multiplier; `default` when the client leaves it to the server. */
  readonly window: number | 'default' | undefined;
  readonly checkpointMultiplier: number;
}

/** ReadReq as it came. Which combinations are valid is decided by the handler. */
export interface ReadRequest {
  readonly target: ReadTarget | undefined;
  readonly backwards: boolean;
  readonly resolveLinks: boolean;
  readonly count: number | 'subscription' | undefined;
  readonly filter: FilterOptions | 'none' | undefined;
  readonly uuids: 'string' | 'structured' | undefined;
  readonly compatibility: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function decodeReadRequest(message: Buffer): ReadRequest {
  const request: Mutable<ReadRequest> = {
    target: undefined,
    backwards: false,
    resolveLinks: false,
    count: undefined,
    filter: undefined,
    uuids: undefined,
    compatibility: 0,
  };
  const outer = readFields(message);
  while (outer.next()) {
    if (outer.number !== 1) continue;
    const fields = readFields(outer.bytes);
    while (fields.next()) decodeOption(request, fields.number, fields.value, fields.bytes);
  }
  return request;
}

function decodeOption(request: Mutable<ReadRequest>, field: number, value: number, bytes: Buffer): void {
  switch (field) {
    case 1:
      request.target = decodeStreamTarget(bytes);
      return;
    case 2:
      request.target = { kind: 'all', from: decodeAllFrom(bytes) };
      return;
    case 3:
      request.backwards = value === 1;
      return;
    case 4:
      request.resolveLinks = value !== 0;
      return;
    case 5:
      request.count = value;
      return;
    case 6:
      request.count = 'subscription';
      return;
    case 7:
      request.filter = decodeFilter(bytes);
      return;
    case 8:
      request.filter = 'none';
      return;
    case 9:
      request.uuids = decodeUuidOption(bytes);
      return;
    case 10:
      request.compatibility = decodeCompatibility(bytes);
      return;
  }
}

function decodeStreamTarget(message: Buffer): ReadTarget {
  const fields = readFields(message);
  let stream = '';
  let from: ReadFrom | undefined;
  while (fields.next()) {
    if (fields.number === 1) stream = decodeStreamIdentifier(fields.bytes);
    if (fields.number === 2) from = fields.exactValue() === WIRE_END ? 'end' : fields.value;
    if (fields.number === 3) from = 'start';
    if (fields.number === 4) from = 'end';
  }
  return { kind: 'stream', stream, from };
}

function decodeAllFrom(message: Buffer): ReadFrom | undefined {
  const fields = readFields(message);
  let from: ReadFrom | undefined;
  while (fields.next()) {
    if (fields.number === 1) from = decodeCommitPosition(fields.bytes);
    if (fields.number === 2) from = 'start';
    if (fields.number === 3) from = 'end';
  }
  return from;
}

function decodeCommitPosition(message: Buffer): ReadFrom {
  const fields = readFields(message);
  let from: ReadFrom = 'start';
  while (fields.next()) {
    if (fields.number !== 1 || fields.value === 0) continue;
    from = fields.exactValue() === WIRE_END ? 'end' : fields.value;
  }
  return from;
}

function decodeFilter(message: Buffer): FilterOptions {
  const fields = readFields(message);
  const filter: Mutable<FilterOptions> = { on: undefined, regex: '', prefixes: [], window: undefined, checkpointMultiplier: 0 };
  while (fields.next()) {
    switch (fields.number) {
      case 1:
      case 2:
        filter.on = fields.number === 1 ? 'stream' : 'type';
        Object.assign(filter, decodeExpression(fields.bytes));
        break;
      case 3:
        filter.window = fields.value;
        break;
      case 4:
        filter.window = 'default';
        break;
      case 5:
        filter.checkpointMultiplier = fields.value;
        break;
    }
  }
  return filter;
}

function decodeExpression(message: Buffer): Pick<FilterOptions, 'regex' | 'prefixes'> {
  const fields = readFields(message);
  let regex = '';
  const prefixes: string[] = [];
  while (fields.next()) {
    if (fields.number === 1) regex = fields.bytes.toString('utf8');
    if (fields.number === 2) prefixes.push(fields.bytes.toString('utf8'));
  }
  return { regex, prefixes };
}

function decodeUuidOption(message: Buffer): ReadRequest['uuids'] {
  const fields = readFields(message);
  let uuids: ReadRequest['uuids'];
  while (fields.next()) {
    if (fields.number === 1) uuids = 'structured';
    if (fields.number === 2) uuids = 'string';
  }
  return uuids;
}

function decodeCompatibility(message: Buffer): number {
  const fields = readFields(message);
  let compatibility = 0;
  while (fields.next()) if (fields.number === 1) compatibility = fields.value;
  return compatibility;
}
