// What can go wrong between the ledger and its event store, as errors with names that callers can tell apart.

/** The event store did not answer, or answered that it cannot. Nothing about what is stored follows from it. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  constructor(doing: string, cause?: unknown) {
    super(`the event store is unavailable while ${doing}${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause });
  }
}

/** An event's place in the log, as everybody names it who reports about one. */
export interface EventPlace {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly eventId: string;
}

/** An event of the ledger's streams that no schema fits. Whoever reads the log stops here: nothing is guessed, nothing is skipped. */
export class UnreadableEvent extends Error implements EventPlace {
  override readonly name = 'UnreadableEvent';
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly eventId: string;
  readonly reason: string;
  constructor(place: EventPlace, reason: string) {
    super(`${place.stream}@${place.revision} (position ${place.position}) cannot be read: ${reason}`);
    this.stream = place.stream;
    this.revision = place.revision;
    this.position = place.position;
    this.eventId = place.eventId;
    this.reason = reason;
  }
}
