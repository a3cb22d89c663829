-- The time after which the account is deleted; NULL: it stays. The time after which its owner is reminded; NULL once they were.
ALTER TABLE accounts ADD COLUMN delete_after BIGINT;
ALTER TABLE accounts ADD COLUMN remind_after BIGINT;
CREATE INDEX accounts_to_delete ON accounts (delete_after) WHERE delete_after IS NOT NULL AND disabled_at IS NULL;
CREATE INDEX accounts_to_remind ON accounts (remind_after) WHERE remind_after IS NOT NULL AND disabled_at IS NULL;

-- What a deletion looks for. Where the tables are large, make these with CREATE INDEX CONCURRENTLY before.
CREATE INDEX IF NOT EXISTS flows_by_address ON flows (email);
CREATE INDEX IF NOT EXISTS outbox_by_recipient ON outbox (recipient);
CREATE INDEX IF NOT EXISTS events_by_administrator ON events (acted_by) WHERE acted_by IS NOT NULL;
