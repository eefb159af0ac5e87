/** What a verb's exit code says; the contract of the command line. */
export const exitCodes = {
  ok: 0,
  /** The check failed: books differ, a chain is broken. Also a defect of the ledger itself. */
  failed: 1,
  wrongUse: 2,
  /** A server is out of reach, or could not be started. */
  outOfReach: 3,
  interrupted: 130,
} as const;
