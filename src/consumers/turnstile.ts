// A turnstile: whoever has to wait for something lets nobody by who came later.

/** Calls `go` with what was found, for those who share a key in the order of their coming. What was found at once, with nobody waiting, goes at once. */
export type Turnstile<Key extends object> = <Value, Result>(
  key: Key,
  /** Never rejects. */
  found: Value | Promise<Value>,
  go: (value: Value) => Result | Promise<Result>,
) => Promise<Result>;

export function makeTurnstile<Key extends object>(): Turnstile<Key> {
  /** Settles once the last of those who wait has gone. */
  const last = new WeakMap<Key, Promise<void>>();
  return async (key, found, go) => {
    const before = last.get(key);
    if (before === undefined && !(found instanceof Promise)) return go(found);
    const { promise: hasGone, resolve: letNextGo } = Promise.withResolvers<void>();
    last.set(key, hasGone);
    const value = await found;
    await before;
    try {
      // Not awaited here: the next goes when this one has begun, not when it is done.
      return go(value);
    } finally {
      if (last.get(key) === hasGone) last.delete(key);
      letNextGo();
    }
  };
}
