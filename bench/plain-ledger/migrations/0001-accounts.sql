CREATE TABLE accounts (
  account_id uuid PRIMARY KEY,
  opened_at timestamptz NOT NULL DEFAULT now()
);

-- Half of every page stays free, so that a new version of a row fits beside the old one and no index is touched.
CREATE TABLE balances (
  account_id uuid NOT NULL REFERENCES accounts,
  asset text NOT NULL,
  available numeric NOT NULL CHECK (available >= 0),
  held numeric NOT NULL CHECK (held >= 0),
  entries bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, asset)
) WITH (fillfactor = 50);

-- Numbered along the balance: the primary key is also what an account's entries are listed by.
CREATE TABLE entries (
  account_id uuid NOT NULL,
  asset text NOT NULL,
  number bigint NOT NULL,
  entry_id uuid NOT NULL,
  command_id uuid NOT NULL,
  amount numeric NOT NULL,
  available_after numeric NOT NULL CHECK (available_after >= 0),
  booked_at timestamptz NOT NULL DEFAULT now(),
  effective_at timestamptz,
  reference text,
  external_id text,
  metadata json,
  PRIMARY KEY (account_id, asset, number)
);

-- The outcome of every key, applied or refused. `refused` says how much was available where it was not enough.
CREATE TABLE idempotency_keys (
  command_id uuid PRIMARY KEY,
  command_hash bytea NOT NULL,
  is_applied boolean NOT NULL,
  available numeric NOT NULL,
  held numeric NOT NULL,
  entry_id uuid,
  request_id text
);
