/** The time after which the client no longer waits for a call, in milliseconds since 1970; Infinity without one. */
export function deadlineMs(call: { getDeadline(): Date | number }): number {
  return Number(call.getDeadline());
}
