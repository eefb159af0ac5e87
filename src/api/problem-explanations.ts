// What every problem means, an example of it, and what to do about it. Pages, the OpenAPI examples and their test are read off this table.
import type { RejectionFields } from '../domain/rejections.ts';
import type { FieldError, ProblemCode } from './problems.ts';

export interface Explanation {
  readonly meaning: string;
  readonly whatToDo: string;
  readonly example: { readonly detail: string; readonly fields?: RejectionFields; readonly errors?: readonly FieldError[] };
}

const ACCOUNT = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const ENTRY = '5f0c7a36-0a0e-4c7e-9d55-2f7f0b6f3c11';
const HOLD = '019c1409-6a00-7c3e-8d2f-0a4b6c8e1f35';
const ORDER = '019c1409-6a00-7d51-9b7a-3e5f7a9c1d02';

/** Said of every refusal that the log keeps. */
const KEPT = 'The refusal is stored under its idempotency key: to try again once things have changed, send the request with a new key.';
/** Said of every refusal before which nothing happened. */
const NOTHING_HAPPENED = 'Nothing was applied, and nothing of this request ever will be.';

export const EXPLANATIONS: Readonly<Record<ProblemCode, Explanation>> = {
  malformed_request: {
    meaning: 'The request has not the shape that the API asks for: a field is missing, unknown or of another type, or the body is no JSON.',
    whatToDo: 'Correct what `errors` points at. The same idempotency key can be used again, since nothing was stored.',
    example: {
      detail: 'The body is not as it should be: asset: required.',
      errors: [{ pointer: '#/asset', detail: 'required' }],
    },
  },
  invalid_amount: {
    meaning:
      'An amount is no plain decimal string above zero, shows more decimals than its asset has, or needs more than 60 digits of its smallest unit.',
    whatToDo: 'Send amounts as strings such as "90.00", with at most as many decimals as the asset has (see /v1/assets).',
    example: {
      detail: 'USD has 2 decimals and at most 60 digits of its smallest unit; 1.005 does not fit.',
      fields: { asset: 'USD', amount: '1.005' },
      errors: [{ pointer: '#/amount', detail: 'USD has 2 decimals and at most 60 digits of its smallest unit; 1.005 does not fit.' }],
    },
  },
  unknown_asset: {
    meaning: 'No asset is registered under that code, or no coin that the symbol names.',
    whatToDo: 'List the assets with GET /v1/assets. An operator can register another.',
    example: { detail: 'No asset XAU is registered.', fields: { asset: 'XAU' } },
  },
  idempotency_key_missing: {
    meaning: 'A POST that changes something needs an Idempotency-Key, so that it can be repeated without a second effect.',
    whatToDo: 'Make a key (a UUID, for example) when you decide to send the request, keep it, and send it with every repetition.',
    example: {
      detail: 'Send an Idempotency-Key: any text that you will send again only to repeat this very request.',
    },
  },
  unauthenticated: {
    meaning: 'The request carries no credentials, or none that are valid.',
    whatToDo: 'Obtain an access token and send it as `Authorization: Bearer …`.',
    example: { detail: 'An access token is required.' },
  },
  token_expired: {
    meaning: 'The access token was valid once and has expired.',
    whatToDo: 'Refresh the token, and send the request again with the same idempotency key.',
    example: { detail: 'The access token has expired.' },
  },
  forbidden: {
    meaning: 'You are known, and may not do this: your role, or these very fields, do not allow it; or the hold was placed by an operator.',
    whatToDo: 'Have it done by somebody whose role allows it. The detail names the roles.',
    example: { detail: 'The role user may not do this; operator may.' },
  },
  account_not_found: {
    meaning: 'There is no such account; or it is not yours, which is answered in the same words.',
    whatToDo: 'Check the id. An account that was opened just now is found by reads with its `minPosition`.',
    example: { detail: `No account ${ACCOUNT}.` },
  },
  order_not_found: {
    meaning: 'There is no such order in the account; or it is not yours, which is answered in the same words.',
    whatToDo: `Check the id of the order, and that it belongs to this account. ${KEPT}`,
    example: { detail: `The account has no order ${ORDER}.` },
  },
  hold_not_found: {
    meaning: 'There is no such hold in the account; or it is not yours, which is answered in the same words.',
    whatToDo: `Check the id of the hold, and that it belongs to this account. ${KEPT}`,
    example: { detail: `The account has no hold ${HOLD}.` },
  },
  entry_not_found: {
    meaning: 'The account has no such entry.',
    whatToDo: `Check the id of the entry, and that it belongs to this account. ${KEPT}`,
    example: { detail: `The account has no entry ${ENTRY}.` },
  },
  not_found: {
    meaning: 'Nothing is found under that path, with that method, or under that id.',
    whatToDo: 'Check the path and the method against the API’s document at /docs. What was written just now is found with `minPosition`.',
    example: { detail: 'There is no GET /v1/acounts.' },
  },
  already_exists: {
    meaning:
      'What was to be made is there already: the account, the asset, a user of that name, an entry with the same externalId, or another fill with the same txHash and logIndex.',
    whatToDo: 'If you meant to repeat a request, repeat it with its own idempotency key. Otherwise read what is there.',
    example: { detail: `Account ${ACCOUNT} exists already.` },
  },
  order_not_open: {
    meaning: 'The order is executed, cancelled or expired, so nothing more can be done to it.',
    whatToDo: 'Read the order to learn how it ended.',
    example: { detail: `Order ${ORDER} is not pending.` },
  },
  hold_not_open: {
    meaning: 'The hold is captured, released or expired, so nothing more can be done to it.',
    whatToDo: 'Read the hold to learn how it ended.',
    example: { detail: `Hold ${HOLD} is closed.` },
  },
  revision_mismatch: {
    meaning: 'The account has moved on since the revision that If-Match names.',
    whatToDo: 'Read the account again, decide again, and send the request with the new revision. The key can be used again.',
    example: { detail: 'The account is at revision 14, not at 12.', fields: { expected: '12', current: '14' } },
  },
  body_too_large: {
    meaning: 'The body is larger than the ledger reads.',
    whatToDo: 'Send less: a bulk request can be split, in order, into several.',
    example: { detail: 'The body has more than 1048576 bytes.' },
  },
  unsupported_media_type: {
    meaning: 'The body is of a type that this route does not read.',
    whatToDo: 'Send JSON in UTF-8, with `Content-Type: application/json`.',
    example: { detail: 'Send the body as application/json.' },
  },
  rate_limited: {
    meaning: 'You have sent more requests than you may within that time.',
    whatToDo: `Wait as long as Retry-After says, then send it again with the same key. ${NOTHING_HAPPENED}`,
    example: { detail: 'No more than 100 requests per second.', fields: { retryAfter: '3' } },
  },
  insufficient_funds: {
    meaning: 'The account has less available than was asked for. What orders and holds have taken aside is not available.',
    whatToDo: `Ask for no more than \`available\`, or wait for a credit. ${KEPT}`,
    example: {
      detail: '40.00 USD requested, 30.00 available.',
      fields: { asset: 'USD', available: '30.00', requested: '40.00' },
    },
  },
  insufficient_held: {
    meaning: 'The hold has less left than was to be captured; or the order less than was to be filled.',
    whatToDo: `Capture or fill no more than is left, which is \`held\`. ${KEPT}`,
    example: {
      detail: `15.00 USD requested, 10.00 left in hold ${HOLD}.`,
      fields: { asset: 'USD', held: '10.00', requested: '15.00' },
    },
  },
  account_frozen: {
    meaning: 'An operator has frozen the account: nothing moves in it until it is unfrozen.',
    whatToDo: `Ask the operator. ${KEPT}`,
    example: { detail: `Account ${ACCOUNT} is frozen.` },
  },
  account_closed: {
    meaning: 'The account is closed, and stays closed.',
    whatToDo: 'Use another account.',
    example: { detail: `Account ${ACCOUNT} is closed.` },
  },
  account_not_empty: {
    meaning: 'Only an account without any balance can be closed, and without a transfer of its own under way.',
    whatToDo: `Take out what is left, wait for transfers to end, then close it with a new key. ${KEPT}`,
    example: { detail: 'The account still has 12.50 USD.' },
  },
  limit_exceeded: {
    meaning: 'The amount is above what may leave the account in one go, or above what is left of its limit for this UTC day.',
    whatToDo: `Ask for less, or wait for the next day in UTC. ${KEPT}`,
    example: {
      detail: '600.00 USD is above the limit of 500.00 per withdrawal.',
      fields: { asset: 'USD', limit: 'perWithdrawal', maximum: '500.00', requested: '600.00' },
    },
  },
  price_not_met: {
    meaning: 'The fill pays less than the order’s target price.',
    whatToDo: `Fill the order at its target price or better. ${KEPT}`,
    example: {
      detail: 'At 0.000025, 10.00 is worth 0.00025 BTC; the fill brings 0.00024000.',
      fields: { targetPrice: '0.000025', amountOut: '0.00024000', required: '0.00025' },
    },
  },
  same_account: {
    meaning: 'Sender and recipient are the same account.',
    whatToDo: `Name another recipient. ${KEPT}`,
    example: { detail: 'Sender and recipient are the same account.' },
  },
  recipient_not_found: {
    meaning: 'There is no account with the recipient’s id.',
    whatToDo: `Check the recipient. ${KEPT}`,
    example: { detail: `No account ${ACCOUNT}.`, fields: { to: ACCOUNT } },
  },
  amount_out_of_range: {
    meaning: 'The balance would need more than 60 digits of the asset’s smallest unit; or the fee of a fill is more than the fill brings.',
    whatToDo: `Credit less, or another account; ask for a smaller fee. ${KEPT}`,
    example: { detail: `The balance would exceed ${'9'.repeat(58)}.99 USD.`, fields: { asset: 'USD' } },
  },
  already_reversed: {
    meaning: 'The entry was reversed before. It can be reversed once; a received transfer again, where the transfer back was returned.',
    whatToDo: 'Nothing needs to be done: read the entries to see the reversal.',
    example: { detail: `Entry ${ENTRY} is reversed already.` },
  },
  not_reversible: {
    meaning: 'The entry is none that can be reversed: deposits, withdrawals, changes of coins and received transfers can.',
    whatToDo: `Correct it by an entry of its own. ${KEPT}`,
    example: { detail: 'An entry of a transfer-sent event cannot be reversed.', fields: { entryType: 'transfer-sent' } },
  },
  idempotency_key_reused: {
    meaning: 'The key belongs to another command: the account, the type or the body were different when it was first used.',
    whatToDo: 'Use one key for one request only. To send this one, make a new key.',
    example: { detail: 'The key was used for another command.' },
  },
  overloaded: {
    meaning: 'More is waiting than the ledger lets wait.',
    whatToDo: `Wait as long as Retry-After says, then send it again with the same key. ${NOTHING_HAPPENED}`,
    example: { detail: 'Too many commands wait for this account.' },
  },
  projection_behind: {
    meaning: 'What queries are answered from has not caught up with the log; or so far behind that writes are refused, too.',
    whatToDo: `Wait as long as Retry-After says, then send it again, with the same key if it is a write. ${NOTHING_HAPPENED}`,
    example: { detail: 'The projection has not reached position 48211 within 2 s.', fields: { minPosition: '48211' } },
  },
  store_unavailable: {
    meaning: 'A store that the ledger stands on cannot be reached.',
    whatToDo: `Wait as long as Retry-After says, then send it again with the same key. ${NOTHING_HAPPENED}`,
    example: { detail: 'The event store cannot be reached.' },
  },
  broker_unavailable: {
    meaning: 'The message broker cannot be reached.',
    whatToDo: `Wait as long as Retry-After says, then send it again with the same key. ${NOTHING_HAPPENED}`,
    example: { detail: 'The message broker cannot be reached.' },
  },
  outcome_unknown: {
    meaning: 'The command was sent to the store and no answer came back in time: it may or may not have been applied.',
    whatToDo: 'Send it again with the same key. It is applied at most once, and the answer will be its one outcome.',
    example: { detail: 'The command may or may not have been applied. Send it again with the same key to learn which.' },
  },
  internal_error: {
    meaning: 'The ledger has made a mistake while it answered a question. Nothing was changed.',
    whatToDo: 'Try again. If it stays, tell the operator the request’s id, which is `instance`.',
    example: { detail: 'The question could not be answered.' },
  },
};
