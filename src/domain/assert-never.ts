/** Ends every `switch` over a union: a new member does not compile until it is handled, and one from outside the types is a bug. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner))}`);
}
