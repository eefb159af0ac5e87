// The cast of the document's examples: one user, one account, one moment. They are checked against the schemas.
export const ACCOUNT_ID = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
export const USER_ID = '3f1d0c52-4a3f-4c55-8a86-1d2b1c0f6a10';
export const COMMAND_ID = '0b6b8e2f-7a62-5f0a-9d9c-2b1b3d1c7a11';
export const ENTRY_ID = '5f0c7a36-0a0e-4c7e-9d55-2f7f0b6f3c11';
export const REVERSAL_ID = '019c1409-9d30-7b04-92c5-1f3b5d7e9a72';
export const HOLD_ID = '019c1409-6a00-7c3e-8d2f-0a4b6c8e1f35';
export const ORDER_ID = '019c1409-6a00-7d51-9b7a-3e5f7a9c1d02';
export const FILL_ID = '019c1409-7b10-7a26-8c4d-5b7d9f1e3a48';
export const TRANSFER_ID = '019c1409-8c20-7e92-a1b3-7d9f1b3e5c60';
export const RECIPIENT_ID = 'b2f7c1d4-3e5a-4f60-8b9c-1d2e3f4a5b6c';

/** The head of an access token; the rest of it would only be noise. */
export const ACCESS_TOKEN = 'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl';

interface Told {
  readonly balances?: readonly { readonly asset: string; readonly available: string; readonly held: string }[];
  readonly result?: Readonly<Record<string, string>>;
}

/** The answer to a command that was applied. */
export const appliedExample = ({ balances = [], result = {} }: Told = {}) => ({
  commandId: COMMAND_ID,
  status: 'applied',
  accountId: ACCOUNT_ID,
  revision: '12',
  position: '48211',
  balances,
  result,
});

export const ACCOUNT = {
  accountId: ACCOUNT_ID,
  ownerId: USER_ID,
  externalId: null,
  label: 'Household',
  status: 'open',
  revision: '12',
  openedAt: '2026-01-31T12:00:00.000Z',
};

/** A list of one page. */
export const onePage = (...data: readonly unknown[]) => ({ data, next: null, previous: null, hasMore: false });
