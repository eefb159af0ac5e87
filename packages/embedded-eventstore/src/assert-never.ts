/** Proves to the compiler that a union is exhausted; throws when a value from outside the types arrives anyway. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
