/** Appends protobuf fields to one growing buffer. Default values are written as given: callers leave them out themselves. */
export interface WireWriter {
  varint(field: number, value: number | bigint): void;
  string(field: number, value: string): void;
  bytes(field: number, value: Uint8Array): void;
  /** An empty message: the way a protobuf `oneof` says "this one". */
  empty(field: number): void;
  /** A nested message whose fields `write` adds. */
  message(field: number, write: (writer: WireWriter) => void): void;
}

const INITIAL_BYTES = 64 * 1024;

// One scratch buffer for the process: encoding is synchronous, and a fresh buffer a message would cost more than the encoding.
let scratch = Buffer.allocUnsafe(INITIAL_BYTES);
let offset = 0;

function reserve(bytes: number): void {
  if (offset + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, offset + bytes));
  scratch.copy(larger, 0, 0, offset);
  scratch = larger;
}

function writeVarint(value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    scratch[offset++] = rest > 0x7fffffff ? (rest % 128) + 128 : (rest & 0x7f) | 0x80;
    rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7;
  }
  scratch[offset++] = rest;
}

function writeBigVarint(value: bigint): void {
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    scratch[offset++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  scratch[offset++] = Number(rest);
}

/** Gives the length-delimited content that starts at `start` its length, moving it when the length needs more than one byte. */
function closeDelimited(start: number): void {
  const length = offset - start;
  if (length < 0x80) {
    scratch[start - 1] = length;
    return;
  }
  const extra = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
  reserve(extra);
  scratch.copyWithin(start + extra, start, offset);
  offset = start - 1;
  writeVarint(length);
  offset += length;
}

const writer: WireWriter = {
  varint(field, value) {
    reserve(15);
    writeVarint(field * 8);
    if (typeof value === 'bigint') writeBigVarint(value);
    else writeVarint(value);
  },
  string(field, value) {
    reserve(10 + value.length * 3);
    writeVarint(field * 8 + 2);
    offset++;
    const start = offset;
    offset += scratch.write(value, offset);
    closeDelimited(start);
  },
  bytes(field, value) {
    reserve(10 + value.length);
    writeVarint(field * 8 + 2);
    writeVarint(value.length);
    scratch.set(value, offset);
    offset += value.length;
  },
  empty(field) {
    reserve(6);
    writeVarint(field * 8 + 2);
    scratch[offset++] = 0;
  },
  message(field, write) {
    reserve(6);
    writeVarint(field * 8 + 2);
    offset++;
    const start = offset;
    write(writer);
    closeDelimited(start);
  },
};

/** Encodes one message; the result is a buffer of its own. */
export function encodeMessage(write: (writer: WireWriter) => void): Buffer {
  offset = 0;
  write(writer);
  const message = Buffer.allocUnsafe(offset);
  scratch.copy(message, 0, 0, offset);
  return message;
}
