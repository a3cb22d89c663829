-- One SQL for SQLite and PostgreSQL: TEXT and BIGINT only, times in milliseconds since 1970 (UTC), ids made by the program.

CREATE TABLE organizations (
    id                  TEXT   PRIMARY KEY,
    name                TEXT   NOT NULL UNIQUE,
    administrator_name  TEXT   NOT NULL,
    administrator_email TEXT   NOT NULL,
    created_at          BIGINT NOT NULL
);

CREATE TABLE accounts (
    id                  TEXT   PRIMARY KEY,
    email               TEXT   NOT NULL UNIQUE,
    name                TEXT   NOT NULL,
    kind                TEXT   NOT NULL CHECK (kind IN ('local', 'google', 'managed')),
    organization_id     TEXT   REFERENCES organizations (id),
    language            TEXT,
    password            TEXT,
    password_changed_at BIGINT,
    -- Set when the leaked-password service did not answer: asked again at the next sign-in.
    password_unchecked_at BIGINT,
    created_at          BIGINT NOT NULL,
    disabled_at         BIGINT,
    CHECK (kind = 'local' OR password IS NULL),
    CHECK ((kind = 'managed') = (organization_id IS NOT NULL))
);

-- A sign-in, reset or sign-up of one browser. The id is the SHA-256 of the browser's token.
-- Rows are the same for an address without an account (attack: enumeration): account_id is NULL then.
CREATE TABLE flows (
    id                 TEXT   PRIMARY KEY,
    purpose            TEXT   NOT NULL CHECK (purpose IN ('sign_in', 'reset', 'sign_up')),
    email              TEXT   NOT NULL,
    account_id         TEXT,
    label              TEXT   NOT NULL,
    language           TEXT   NOT NULL,
    next_path          TEXT   NOT NULL,
    tries_left         BIGINT NOT NULL CHECK (tries_left >= 0),
    hints_left         BIGINT NOT NULL CHECK (hints_left >= 0),
    codes_sent         BIGINT NOT NULL,
    resend_at          BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    ends_at            BIGINT NOT NULL,
    password_passed_at BIGINT,
    code_passed_at     BIGINT,
    finished_at        BIGINT,
    ended_at           BIGINT
);
CREATE INDEX flows_by_email ON flows (email) WHERE finished_at IS NULL AND ended_at IS NULL;
CREATE INDEX flows_by_end ON flows (ends_at);

CREATE TABLE codes (
    id            TEXT   PRIMARY KEY,
    flow_id       TEXT   NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
    purpose       TEXT   NOT NULL,
    email         TEXT   NOT NULL,
    digest        TEXT   NOT NULL,
    key_id        TEXT   NOT NULL,
    sent_at       BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    superseded_at BIGINT,
    used_at       BIGINT
);
CREATE INDEX codes_by_flow ON codes (flow_id);
CREATE INDEX codes_live ON codes (email, purpose) WHERE superseded_at IS NULL AND used_at IS NULL;

CREATE TABLE devices (
    id            TEXT   PRIMARY KEY,
    token_digest  TEXT   NOT NULL UNIQUE,
    account_id    TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    browser       TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    trusted_until BIGINT
);
CREATE INDEX devices_by_account ON devices (account_id);

CREATE TABLE sessions (
    id           TEXT   PRIMARY KEY,
    token_digest TEXT   NOT NULL UNIQUE,
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    browser      TEXT   NOT NULL,
    client       TEXT   NOT NULL,
    signed_in_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- Written in the flow's transaction, sent by a courier. The body is sealed with a server key, as it may hold a live code,
-- and is blanked after sending.
CREATE TABLE letters (
    id          TEXT   PRIMARY KEY,
    flow_id     TEXT,
    recipient   TEXT   NOT NULL,
    language    TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    written_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    sent_at     BIGINT,
    given_up_at BIGINT
);
CREATE INDEX letters_due ON letters (due_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX letters_by_flow ON letters (flow_id) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- How often something was done in the window that ends at ends_at.
CREATE TABLE limits (
    key     TEXT   PRIMARY KEY,
    count   BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX limits_by_end ON limits (ends_at);

-- Failures in a row of one lane, and from when on it may try again.
CREATE TABLE throttles (
    key             TEXT   PRIMARY KEY,
    failures        BIGINT NOT NULL,
    next_allowed_at BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX throttles_by_update ON throttles (updated_at);

-- Append-only: what happened to an account, readable by its owner.
CREATE TABLE events (
    id         TEXT   PRIMARY KEY,
    account_id TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    browser    TEXT   NOT NULL,
    client     TEXT   NOT NULL
);
CREATE INDEX events_by_account ON events (account_id, at);
