-- The subject that a client expects (`id_token_hint`).
ALTER TABLE authorization_requests ADD COLUMN subject TEXT;

-- What few clients need, as JSON.
ALTER TABLE clients ADD COLUMN options TEXT;

-- Subjects that only one client knows.
CREATE TABLE pairwise_subjects (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    client_id  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    -- Part of the digests that the client gets instead of session ids.
    salt       TEXT NOT NULL,
    PRIMARY KEY (account_id, client_id)
);
-- For the removal of a client.
CREATE INDEX pairwise_subjects_by_client ON pairwise_subjects (client_id, account_id);

-- Signed statements by which clients have proven who they are. Each works once.
CREATE TABLE client_assertions (
    digest  TEXT   PRIMARY KEY,
    ends_at BIGINT NOT NULL
);
CREATE INDEX client_assertions_by_end ON client_assertions (ends_at);
