// Maps of what is open in an account. Every event makes a new version and leaves the old one as it was, so that a decision can
// be made again on the state it was made on. An account may have a hundred thousand open orders: instead of copying them for
// every event, all versions share one map. The version read last owns it, the others say what they differ in from their
// neighbour (Baker's "shallow binding").

interface Version<Key, Value> {
  /** Absent while another version owns it. */
  own?: Map<Key, Value> | undefined;
  /** One entry, and else as `neighbour`: nearer to the version that owns the map. Absent in that one. */
  differs?: { readonly key: Key; readonly value: Value | undefined; readonly neighbour: Version<Key, Value> } | undefined;
}

/** The shared map as that version has it. Costs its distance from the version read last. */
function mapOf<Key, Value>(version: Version<Key, Value>): Map<Key, Value> {
  const way: Version<Key, Value>[] = [];
  let owner = version;
  while (owner.differs !== undefined) {
    way.push(owner);
    owner = owner.differs.neighbour;
  }
  const map = owner.own ?? new Map<Key, Value>(); // whoever differs from nobody owns it
  for (const next of way.toReversed()) {
    if (next.differs === undefined) continue;
    const { key, value } = next.differs;
    owner.differs = { key, value: map.get(key), neighbour: next };
    owner.own = undefined;
    put(map, key, value);
    next.own = map;
    next.differs = undefined;
    owner = next;
  }
  return map;
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** An immutable map without `undefined` among its values, whose changed copies cost the same however large it is. */
export interface VersionedMap<Key, Value> extends ReadonlyMap<Key, Value> {
  /** The map with that entry besides, or in place of the key's; with `undefined`, without one. This one stays as it is. */
  changed(key: Key, value: Value | undefined): VersionedMap<Key, Value>;
  readonly [Symbol.toStringTag]: string;
}

/** The entries, in no order to rely on. */
export const versionedMap = <Key, Value>(entries: Iterable<readonly [Key, Value]> = []): VersionedMap<Key, Value> =>
  shown({ own: new Map(entries) });

function shown<Key, Value>(version: Version<Key, Value>): VersionedMap<Key, Value> {
  // Walks are over a copy: meanwhile another version may be read, and the shared map is then that one's.
  const copy = (): Map<Key, Value> => new Map(mapOf(version));
  const map: VersionedMap<Key, Value> = {
    get size() {
      return mapOf(version).size;
    },
    get: (key) => mapOf(version).get(key),
    has: (key) => mapOf(version).has(key),
    entries: () => copy().entries(),
    keys: () => copy().keys(),
    values: () => copy().values(),
    forEach: (callback) => {
      for (const [key, value] of copy()) callback(value, key, map);
    },
    [Symbol.iterator]: () => copy().entries(),
    [Symbol.toStringTag]: 'Map',
    changed: (key, value) => {
      const own = mapOf(version);
      const next: Version<Key, Value> = { own };
      version.differs = { key, value: own.get(key), neighbour: next };
      version.own = undefined;
      put(own, key, value);
      return shown(next);
    },
  };
  return map;
}
