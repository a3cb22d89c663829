-- The OpenID provider. What it issues belongs to a session and ends with it, in the same statement.

-- Keys that sign ID tokens. The private key is sealed with the service's keys.
CREATE TABLE signing_keys (
    number     BIGINT PRIMARY KEY,
    jwk        TEXT   NOT NULL,
    sealed     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    -- Until then, the public key is published.
    ends_at    BIGINT NOT NULL
);
CREATE INDEX signing_keys_by_end ON signing_keys (ends_at);

-- Valid requests whose user has to sign in first.
CREATE TABLE authorization_requests (
    id                  TEXT   PRIMARY KEY,
    client_id           TEXT   NOT NULL,
    redirect_uri        TEXT   NOT NULL,
    scope               TEXT   NOT NULL,
    state               TEXT,
    nonce               TEXT,
    challenge           TEXT   NOT NULL,
    -- The user must have proven who they are after this time.
    authenticated_after BIGINT,
    -- 1 if the user must be asked whether the client may learn about them, even if they agreed before.
    asks_consent        BIGINT NOT NULL DEFAULT 0,
    ends_at             BIGINT NOT NULL
);
CREATE INDEX authorization_requests_by_end ON authorization_requests (ends_at);

-- Requests that a client has sent itself, before the browser comes.
CREATE TABLE pushed_requests (
    id        TEXT   PRIMARY KEY,
    client_id TEXT   NOT NULL,
    query     TEXT   NOT NULL,
    ends_at   BIGINT NOT NULL
);
CREATE INDEX pushed_requests_by_end ON pushed_requests (ends_at);

CREATE TABLE authorization_codes (
    digest       TEXT   PRIMARY KEY,
    session_id   TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client_id    TEXT   NOT NULL,
    redirect_uri TEXT   NOT NULL,
    scope        TEXT   NOT NULL,
    nonce        TEXT,
    challenge    TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT,
    -- The row is kept until then, because its tokens belong to it.
    ends_at      BIGINT NOT NULL,
    -- Of the random part that all refresh tokens of this code share; NULL without refresh tokens.
    family_digest TEXT,
    -- The key of the service under which the current one was issued.
    refresh_key  TEXT,
    -- The number of the current refresh token, and the time when it replaced the one before.
    refreshes    BIGINT NOT NULL DEFAULT 0,
    refreshed_at BIGINT
);
CREATE INDEX authorization_codes_by_session ON authorization_codes (session_id);
CREATE INDEX authorization_codes_by_end ON authorization_codes (ends_at);
CREATE INDEX authorization_codes_by_refresh_key ON authorization_codes (refresh_key) WHERE refresh_key IS NOT NULL;
CREATE UNIQUE INDEX authorization_codes_by_family ON authorization_codes (family_digest) WHERE family_digest IS NOT NULL;

-- An access token belongs to its code. Attack: a stolen code's second use must end the tokens of the first.
CREATE TABLE access_tokens (
    digest      TEXT   PRIMARY KEY,
    code_digest TEXT   NOT NULL REFERENCES authorization_codes (digest) ON DELETE CASCADE,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_code ON access_tokens (code_digest);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

-- Sessions also end by idleness, and then products are told.
CREATE INDEX sessions_by_last_use ON sessions (last_seen_at);

-- Products that must be told when a session ends. Whatever deletes the session makes its rows due in the same statement.
CREATE TABLE logout_notices (
    id         TEXT   PRIMARY KEY,
    -- NULL once the session has ended.
    session_id TEXT   REFERENCES sessions (id) ON DELETE SET NULL,
    -- The session's id for the client.
    sid        TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    -- The time of the next attempt. Later than now while a server delivers it.
    next_at    BIGINT NOT NULL DEFAULT 0,
    -- The time of the first attempt.
    tried_at   BIGINT,
    UNIQUE (session_id, client_id)
);
CREATE INDEX logout_notices_due ON logout_notices (client_id, next_at) WHERE session_id IS NULL;
CREATE INDEX logout_notices_by_first_attempt ON logout_notices (tried_at) WHERE session_id IS NULL;

-- Products to which an account has signed in.
CREATE TABLE connected_products (
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    client_id    TEXT   NOT NULL,
    scope        TEXT   NOT NULL,
    connected_at BIGINT NOT NULL,
    used_at      BIGINT NOT NULL,
    PRIMARY KEY (account_id, client_id)
);
