-- Settings that an account keeps for all pages and e-mails; no row: all are unset.
CREATE TABLE preferences (
    account_id   TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    time_zone    TEXT,
    date_format  TEXT   NOT NULL,
    twelve_hours BIGINT NOT NULL,
    theme        TEXT,
    text_size    TEXT   NOT NULL
);

-- Choices for and against groups of e-mails; no row: the group's default.
CREATE TABLE mail_choices (
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id   TEXT   NOT NULL,
    wanted     BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    source     TEXT   NOT NULL,
    PRIMARY KEY (account_id, group_id)
);
-- Every change of a choice, to show later when and how it was made.
CREATE TABLE mail_choice_changes (
    id         TEXT   PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id   TEXT   NOT NULL,
    wanted     BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    source     TEXT   NOT NULL
);
CREATE INDEX mail_choice_changes_by_account ON mail_choice_changes (account_id, changed_at);
