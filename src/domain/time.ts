// Time as the ledger keeps it: whole milliseconds in UTC.

/** As the ledger writes them itself: nothing to be done. */
const CANONICAL = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

/**
 * An RFC 3339 time in UTC to the millisecond, in the one form whose order as text is the order in time; what is finer is cut off.
 * Cut off before it is parsed: V8 reads `.0069999999` as 69 ms, since from ten digits on it drops the zeros that a fraction begins with.
 */
export const canonicalTime = (text: string): string =>
  CANONICAL.test(text) ? text : new Date(text.replace(/(\.[0-9]{3})[0-9]+/, '$1')).toISOString();

/** The same in ms since 1970. */
export const timeMs = (text: string): number => Date.parse(canonicalTime(text));
