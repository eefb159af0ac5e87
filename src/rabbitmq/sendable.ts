// What of somebody else's message can be sent on. AMQP carries bytes where this process has text, and tables of types and sizes
// that its encoder does not write; a message that cannot be sent on would be kept, and tried again, for ever.

/** The longest short text of AMQP, in bytes. */
const MAX_SHORT_TEXT = 255;
/** Of UTF-8: how the bytes after a character's first begin. */
const isInsideCharacter = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The text, cut off between two characters where it has more bytes: bytes that are no UTF-8 have become longer by being read. */
export function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (isInsideCharacter(bytes[end])) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** As a property, a routing key or a header's name can have it. */
export const shortText = (text: string): string => cutToBytes(text, MAX_SHORT_TEXT);

/** A property as it can be sent; undefined where it cannot. */
export function sendableProperty(value: unknown): string | number | undefined {
  if (typeof value === 'string') return shortText(value);
  return Number.isSafeInteger(value) ? Number(value) : undefined;
}

/** Properties, these headers and what is said beside them go together into one frame of 8 KiB (docs/messaging.md). */
const MAX_HEADERS_BYTES = 2048;
/** Of a name's or a value's type and length. */
const OVERHEAD_BYTES = 9;
const MAX_DEPTH = 8;

/** The headers that can be sent, in their order, as far as they have room. */
export function sendableHeaders(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let left = MAX_HEADERS_BYTES;
  const kept = Object.entries(headers).filter(([name, value]) => {
    const size = sizeOf({ [name]: value }, 0);
    if (size === undefined || size > left) return false;
    left -= size;
    return true;
  });
  return Object.fromEntries(kept);
}

/** How many bytes a header's value takes at most; undefined where it cannot be sent. */
function sizeOf(value: unknown, depth: number): number | undefined {
  if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return OVERHEAD_BYTES;
  if (typeof value === 'string' || value instanceof Uint8Array) return OVERHEAD_BYTES + Buffer.byteLength(value);
  // The encoder takes a table with this name in it for a value of a type that it names.
  if (typeof value !== 'object' || Object.hasOwn(value, '!') || depth > MAX_DEPTH) return undefined;
  let size = OVERHEAD_BYTES;
  for (const [name, inner] of Object.entries(value)) {
    const nameSize = Buffer.byteLength(name);
    const innerSize = sizeOf(inner, depth + 1);
    if (nameSize > MAX_SHORT_TEXT || innerSize === undefined) return undefined;
    size += OVERHEAD_BYTES + nameSize + innerSize;
  }
  return size;
}
