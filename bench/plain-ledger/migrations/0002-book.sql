-- Books a signed amount, once per command. Its own transaction: called by itself, it is durable when it returns.
-- outcome: applied, insufficient_funds, account_not_found, or key_reused (another command had the key).
CREATE FUNCTION book(
  in_account uuid, in_asset text, in_amount numeric, in_command uuid, in_hash bytea, in_request text,
  in_effective_at timestamptz, in_reference text, in_external_id text, in_metadata json,
  OUT outcome text, OUT hit boolean, OUT entry_id uuid, OUT available numeric, OUT held numeric, OUT request_id text
) LANGUAGE plpgsql AS $$
DECLARE
  number bigint;
  stored idempotency_keys;
BEGIN
  hit := false;
  LOOP
    -- Locks the row, checks it and moves it, in one statement; who waits for the lock checks again.
    UPDATE balances b SET available = b.available + in_amount, entries = b.entries + 1
      WHERE b.account_id = in_account AND b.asset = in_asset AND b.available + in_amount >= 0
      RETURNING b.available, b.held, b.entries INTO available, held, number;
    IF FOUND THEN
      entry_id := uuidv7();
      INSERT INTO idempotency_keys VALUES (in_command, in_hash, true, available, held, entry_id, NULL) ON CONFLICT DO NOTHING;
      IF FOUND THEN
        INSERT INTO entries (account_id, asset, number, entry_id, command_id, amount, available_after, effective_at, reference, external_id, metadata)
          VALUES (in_account, in_asset, number, entry_id, in_command, in_amount, available, in_effective_at, in_reference, in_external_id, in_metadata);
        outcome := 'applied';
        RETURN;
      END IF;
      -- A repeat: nobody has seen the movement yet.
      UPDATE balances b SET available = b.available - in_amount, entries = b.entries - 1
        WHERE b.account_id = in_account AND b.asset = in_asset;
      EXIT;
    END IF;
    -- Not enough, or no balance yet.
    SELECT b.available, b.held INTO available, held FROM balances b
      WHERE b.account_id = in_account AND b.asset = in_asset FOR UPDATE;
    IF FOUND THEN
      CONTINUE WHEN available + in_amount >= 0; -- it was moved in between
      INSERT INTO idempotency_keys VALUES (in_command, in_hash, false, available, held, NULL, in_request) ON CONFLICT DO NOTHING;
      EXIT WHEN NOT FOUND;
      outcome := 'insufficient_funds';
      request_id := in_request;
      RETURN;
    END IF;
    PERFORM FROM accounts a WHERE a.account_id = in_account;
    IF NOT FOUND THEN
      outcome := 'account_not_found';
      RETURN;
    END IF;
    INSERT INTO balances VALUES (in_account, in_asset, in_amount * 0, in_amount * 0) ON CONFLICT DO NOTHING;
  END LOOP;
  -- The key was used before.
  SELECT * INTO STRICT stored FROM idempotency_keys k WHERE k.command_id = in_command;
  IF stored.command_hash <> in_hash THEN
    outcome := 'key_reused';
    RETURN;
  END IF;
  hit := true;
  outcome := CASE WHEN stored.is_applied THEN 'applied' ELSE 'insufficient_funds' END;
  available := stored.available;
  held := stored.held;
  entry_id := stored.entry_id;
  request_id := stored.request_id;
END
$$;
