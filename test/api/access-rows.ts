// Who may do what, written down a second time from the contract: what the spec holds the ledger against. Nothing here is read off the code.

/** `yes`: everywhere; `own`: at their own accounts; `-`: 403. In the order user, operator, auditor, producer. */
export type Cell = 'yes' | 'own' | '-';
export interface AccessRow {
  readonly route: string;
  readonly cells: readonly [Cell, Cell, Cell, Cell];
  /** What is said where there is nothing of that name; absent where the route names nothing. */
  readonly missing?: 'account_not_found' | 'hold_not_found' | 'order_not_found' | 'not_found';
}

const row = (route: string, user: Cell, operator: Cell, auditor: Cell, producer: Cell, missing?: AccessRow['missing']): AccessRow => ({
  route,
  cells: [user, operator, auditor, producer],
  ...(missing && { missing }),
});

export const WRITES: readonly AccessRow[] = [
  row('POST /v1/accounts', 'own', 'yes', '-', '-'),
  row('POST /v1/accounts/{accountId}/deposits', 'own', 'yes', '-', 'yes', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/withdrawals', 'own', 'yes', '-', 'yes', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/transfers', 'own', 'yes', '-', 'yes', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/coins', 'own', 'yes', '-', '-', 'account_not_found'),
  row('DELETE /v1/accounts/{accountId}/coins/{symbol}', 'own', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/holds', 'own', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/holds/{holdId}/capture', 'own', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/holds/{holdId}/release', 'own', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/orders', 'own', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/orders/{orderId}/fills', '-', 'yes', '-', 'yes', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/orders/{orderId}/cancel', 'own', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/reversals', '-', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/freeze', '-', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/unfreeze', '-', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/accounts/{accountId}/close', '-', 'yes', '-', '-', 'account_not_found'),
  row('PUT /v1/accounts/{accountId}/limits', '-', 'yes', '-', '-', 'account_not_found'),
  row('POST /v1/assets', '-', 'yes', '-', '-'),
  row('POST /v1/commands', 'own', 'yes', '-', 'yes'),
];

export const READS: readonly AccessRow[] = [
  row('GET /v1/me', 'own', 'own', 'own', 'own'),
  row('GET /v1/profile', 'own', 'own', 'own', 'own'),
  row('GET /v1/assets', 'yes', 'yes', 'yes', 'yes'),
  row('GET /v1/assets/{asset}', 'yes', 'yes', 'yes', 'yes'),
  row('GET /v1/statistics', 'yes', 'yes', 'yes', 'yes'),
  row('GET /v1/accounts', 'own', 'yes', 'yes', '-'),
  row('GET /v1/accounts/{accountId}', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/balances', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/balances/{asset}', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/entries', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/statement', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/events', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/coins', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/holds', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/limits', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/transfers', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/accounts/{accountId}/orders', 'own', 'yes', 'yes', '-', 'account_not_found'),
  row('GET /v1/transfers/{transferId}', 'own', 'yes', 'yes', '-', 'not_found'),
  row('GET /v1/holds/{holdId}', 'own', 'yes', 'yes', '-', 'hold_not_found'),
  row('GET /v1/orders', 'own', 'yes', 'yes', '-'),
  row('GET /v1/orders/pending', 'own', 'yes', 'yes', '-'),
  row('GET /v1/orders/executed', 'own', 'yes', 'yes', '-'),
  row('GET /v1/orders/cancelled', 'own', 'yes', 'yes', '-'),
  row('GET /v1/orders/expired', 'own', 'yes', 'yes', '-'),
  row('GET /v1/users/{userId}/orders', 'own', 'yes', 'yes', '-'),
  row('GET /v1/orders/{orderId}', 'own', 'yes', 'yes', '-', 'order_not_found'),
  row('GET /v1/orders/{orderId}/events', 'own', 'yes', 'yes', '-', 'order_not_found'),
  row('GET /v1/commands/{commandId}', 'own', 'yes', 'yes', 'yes', 'not_found'),
];

/** Without credentials. */
export const ANYONE: readonly string[] = [
  'POST /v1/auth/register',
  'POST /v1/auth/login',
  'POST /v1/auth/refresh',
  'POST /v1/auth/logout',
  'POST /v1/auth/token',
  'GET /.well-known/jwks.json',
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'GET /openapi.json',
  'GET /asyncapi.json',
  'GET /docs',
  'GET /docs/*',
  'GET /problems',
  'GET /problems/{name}',
];
