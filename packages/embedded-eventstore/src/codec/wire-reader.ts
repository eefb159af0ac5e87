/** The message is not valid protobuf, or not a message this server accepts. Callers answer INVALID_ARGUMENT. */
export class MalformedMessageError extends Error {
  override name = 'MalformedMessageError';
}

/** One field of a protobuf message. Length-delimited fields carry `bytes`, all others `value`. */
export interface Field {
  readonly number: number;
  /** The varint or fixed value; beyond 2^53-1 it saturates at `Number.MAX_SAFE_INTEGER`. 0 for length-delimited fields. */
  readonly value: number;
  /** A view into the message, not a copy. Empty for all other fields. */
  readonly bytes: Buffer;
}

const EMPTY: Buffer = Buffer.alloc(0);
const MAX_VARINT_BYTES = 10;

/** Stands on one field of a message at a time. */
export interface FieldCursor extends Field {
  /** Moves to the next field; false at the end of the message. */
  next(): boolean;
  /** The varint that `value` holds, without the limit of a number: unsigned, 64 bits. */
  exactValue(): bigint;
}

/**
 * Walks the top-level fields of a message in wire order. One mutable cursor instead of an object a field, because this
 * runs several times for every appended event.
 *
 * @throws MalformedMessageError when the bytes end inside a field or use a wire type that proto3 does not have.
 */
export function readFields(message: Buffer): FieldCursor {
  let offset = 0;
  let valueOffset = 0;
  const cursor = { number: 0, value: 0, bytes: EMPTY, next, exactValue };

  function varint(): number {
    const first = message[offset];
    if (first !== undefined && first < 0x80) {
      offset++;
      return first;
    }
    let result = 0;
    let scale = 1;
    for (let length = 1; length <= MAX_VARINT_BYTES; length++) {
      const byte = message[offset++];
      if (byte === undefined) throw new MalformedMessageError('the message ends inside a number');
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return Math.min(result, Number.MAX_SAFE_INTEGER);
      scale *= 128;
    }
    throw new MalformedMessageError('a number is longer than ten bytes');
  }

  function exactValue(): bigint {
    let result = 0n;
    for (let at = valueOffset, shift = 0n; at < offset; at++, shift += 7n) result |= BigInt((message[at] ?? 0) & 0x7f) << shift;
    return BigInt.asUintN(64, result);
  }

  function take(length: number): Buffer {
    const end = offset + length;
    if (end > message.length) throw new MalformedMessageError('the message ends inside a field');
    const bytes = message.subarray(offset, end);
    offset = end;
    return bytes;
  }

  function next(): boolean {
    if (offset >= message.length) return false;
    const tag = varint();
    cursor.number = Math.floor(tag / 8);
    cursor.value = 0;
    cursor.bytes = EMPTY;
    switch (tag % 8) {
      case 0:
        valueOffset = offset;
        cursor.value = varint();
        break;
      case 1:
        cursor.value = Number(take(8).readBigUInt64LE());
        break;
      case 2:
        cursor.bytes = take(varint());
        break;
      case 5:
        cursor.value = take(4).readUInt32LE();
        break;
      default:
        throw new MalformedMessageError(`unknown wire type ${tag % 8}`);
    }
    if (cursor.number === 0) throw new MalformedMessageError('field number 0');
    return true;
  }

  return cursor;
}
