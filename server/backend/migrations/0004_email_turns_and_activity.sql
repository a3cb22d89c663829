-- When the next e-mail may go to a mailbox whose e-mails of the day are used up by strangers.
CREATE TABLE email_slots (
    mailbox TEXT   PRIMARY KEY,
    next_at BIGINT NOT NULL
);
CREATE INDEX email_slots_by_time ON email_slots (next_at);

-- The client networks that wait for it, and when each was told to come back.
CREATE TABLE email_turns (
    mailbox       TEXT   NOT NULL,
    network       TEXT   NOT NULL,
    had           BIGINT NOT NULL,
    waiting_since BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    PRIMARY KEY (mailbox, network)
);
CREATE INDEX email_turns_in_order ON email_turns (mailbox, had, waiting_since);
CREATE INDEX email_turns_by_time ON email_turns (due_at);

-- What strangers attempt lies apart from what was done, however much it is. Where the table is large, make these two with
-- CREATE INDEX CONCURRENTLY before; `events_by_account` stays for servers of the release before.
CREATE INDEX IF NOT EXISTS events_done ON events (account_id, at, id) WHERE kind NOT IN ('wrong_password', 'wrong_code', 'reset_asked');
CREATE INDEX IF NOT EXISTS events_attempts ON events (account_id, at) WHERE kind IN ('wrong_password', 'wrong_code', 'reset_asked');
