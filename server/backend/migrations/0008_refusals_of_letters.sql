-- Why a letter waits: what the mail server said last, without addresses.
ALTER TABLE letters ADD COLUMN last_error TEXT;
-- The time of the next try, as it was set after the last one. It equals due_at until a courier leases the letter; NULL is a letter
-- that was not tried, or of a server of the release before.
ALTER TABLE letters ADD COLUMN retry_at BIGINT;
