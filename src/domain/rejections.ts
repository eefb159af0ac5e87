// The one catalogue of refusals: what a client is told, over which status, whether trying again helps, and whether the
// refusal is stored with its key. Routes, problem pages, OpenAPI and the message consumers are all read off this table.

/**
 * How a message consumer treats the refusal. `reply`: the producer is answered. `wait`: never said to a producer, the command waits.
 * `dead-letter`: the message cannot be understood and no retry will change that.
 */
export type MessageOutcome = 'reply' | 'wait' | 'dead-letter';

interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  readonly message: MessageOutcome;
  /** True where the same request, sent again with the same key, may succeed without anything else changing. */
  readonly retryable: boolean;
  /** True where the refusal is an event in the stream: the same key gets it again, for ever. */
  readonly stored: boolean;
}

const edge = (status: number, title: string): CatalogueEntry => ({
  status,
  title,
  message: 'dead-letter',
  retryable: false,
  stored: false,
});
const fresh = (status: number, title: string): CatalogueEntry => ({ status, title, message: 'reply', retryable: false, stored: false });
const stored = (status: number, title: string): CatalogueEntry => ({ status, title, message: 'reply', retryable: false, stored: true });
const later = (status: number, title: string): CatalogueEntry => ({ status, title, message: 'wait', retryable: true, stored: false });

export const REJECTIONS = {
  malformed_request: edge(400, 'The request is malformed'),
  invalid_amount: edge(400, 'The amount is invalid'),
  unknown_asset: fresh(400, 'The asset is unknown'),
  idempotency_key_missing: edge(400, 'An idempotency key is required'),
  unauthenticated: edge(401, 'Authentication is required'),
  token_expired: edge(401, 'The access token has expired'),
  forbidden: edge(403, 'Not allowed'),
  account_not_found: fresh(404, 'No such account'),
  order_not_found: stored(404, 'No such order'),
  hold_not_found: stored(404, 'No such hold'),
  entry_not_found: stored(404, 'No such entry'),
  not_found: fresh(404, 'Not found'),
  already_exists: stored(409, 'It already exists'),
  order_not_open: stored(409, 'The order is not open'),
  hold_not_open: stored(409, 'The hold is not open'),
  revision_mismatch: fresh(412, 'The account has moved on'),
  body_too_large: edge(413, 'The body is too large'),
  unsupported_media_type: edge(415, 'The media type is not supported'),
  insufficient_funds: stored(422, 'Not enough is available'),
  insufficient_held: stored(422, 'Not enough is held'),
  account_frozen: stored(422, 'The account is frozen'),
  account_closed: stored(422, 'The account is closed'),
  account_not_empty: stored(422, 'The account is not empty'),
  limit_exceeded: stored(422, 'A limit would be exceeded'),
  price_not_met: stored(422, 'The price is not met'),
  same_account: stored(422, 'Sender and recipient are the same account'),
  recipient_not_found: stored(422, 'No such recipient'),
  amount_out_of_range: stored(422, 'The amount is out of range'),
  already_reversed: stored(422, 'Already reversed'),
  not_reversible: stored(422, 'Not reversible'),
  idempotency_key_reused: fresh(422, 'The idempotency key was used for another command'),
  rate_limited: { ...later(429, 'Too many requests'), message: 'reply' },
  overloaded: later(503, 'The ledger is overloaded'),
  projection_behind: later(503, 'The projection is behind'),
  store_unavailable: later(503, 'The event store is unavailable'),
  broker_unavailable: later(503, 'The message broker is unavailable'),
  outcome_unknown: later(503, 'The outcome is not known yet'),
} satisfies Record<string, CatalogueEntry>;

export type RejectionCode = keyof typeof REJECTIONS;
/** The code's own fields in a problem: figures and names, never an amount as a number. */
export type RejectionFields = Readonly<Record<string, string>>;

/** A refusal as a value. `detail` is one English sentence with the figures. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly detail: string;
  readonly fields: RejectionFields;
  /** False for the one refusal of a stored code that is decided afresh: opening an account that exists. Absent: as the catalogue says. */
  readonly stored?: boolean;
}

export const rejection = (code: RejectionCode, detail: string, fields: RejectionFields = {}): Rejection => ({ code, detail, fields });

const CODES: ReadonlySet<string> = new Set(Object.keys(REJECTIONS));
export const isRejectionCode = (code: string): code is RejectionCode => CODES.has(code);

/** Whether the refusal becomes an event in the stream, so that its key answers the same for ever. */
export const isStored = (refusal: Rejection): boolean => refusal.stored ?? REJECTIONS[refusal.code].stored;
