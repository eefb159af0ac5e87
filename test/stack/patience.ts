// A wait that ends too early fails a test that nothing is wrong with, on a machine that is busy. So there is one deadline for all
// of them, and it only ever ends a hang.

/** How long a wait for what must come about lasts at most, in ms. `expect.poll` has it from the configuration. */
export const PATIENCE_MS = 300_000;
/** How long a test or a hook lasts at most, in ms: it may wait for more than one thing. */
export const TEST_PATIENCE_MS = 2 * PATIENCE_MS;
