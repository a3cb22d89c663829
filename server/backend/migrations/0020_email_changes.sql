-- A change of an account's address: waiting for the code (`changed_at` is NULL), or to be undone from the old address until it ends.
CREATE TABLE email_changes (
    -- The id of its flow.
    id         TEXT   PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    old_email  TEXT   NOT NULL,
    changed_at BIGINT,
    ends_at    BIGINT NOT NULL
);
CREATE INDEX email_changes_by_account ON email_changes (account_id);
CREATE INDEX email_changes_by_old_address ON email_changes (old_email);
CREATE INDEX email_changes_by_end ON email_changes (ends_at);
