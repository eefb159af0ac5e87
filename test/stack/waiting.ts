// Waiting for what must come about, however long this machine takes.
import { vi } from 'vitest';
import { PATIENCE_MS } from './patience.ts';

const INTERVAL_MS = 10;

/** Looks until nothing is thrown, and gives back what was seen. @throws what was thrown last */
export const waitFor = <T>(look: () => T | Promise<T>, { intervalMs = INTERVAL_MS } = {}): Promise<T> =>
  vi.waitFor(look, { timeout: PATIENCE_MS, interval: intervalMs });

/** Looks until what is seen is truthy, and gives it back. @throws what is thrown meanwhile, at once */
export const waitUntil = <T>(look: () => T | Promise<T>, { intervalMs = INTERVAL_MS } = {}) =>
  vi.waitUntil(look, { timeout: PATIENCE_MS, interval: intervalMs });
