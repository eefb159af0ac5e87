// What later steps can build on: each thing is ready some steps after the last step that touched it, so that this one is
// usually answered by then.

export interface ReadyQueue<Item> {
  put(item: Item): void;
  /** Whether there is one to take. */
  isReady(): boolean;
  /** The one that has waited longest, where it is ready. */
  take(): Item | undefined;
  size(): number;
}

/** @param now the number of the step that is being made. */
export function makeReadyQueue<Item>(now: () => number, spacingSteps: number): ReadyQueue<Item> {
  const waiting: { readonly item: Item; readonly readyAt: number }[] = [];
  const isReady = (): boolean => waiting[0] !== undefined && waiting[0].readyAt <= now();
  return {
    put: (item) => void waiting.push({ item, readyAt: now() + spacingSteps }),
    isReady,
    take: () => (isReady() ? waiting.shift()?.item : undefined),
    size: () => waiting.length,
  };
}
