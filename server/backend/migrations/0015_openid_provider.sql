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
    ends_at             BIGINT NOT NULL
);
CREATE INDEX authorization_requests_by_end ON authorization_requests (ends_at);

CREATE TABLE authorization_codes (
    digest       TEXT   PRIMARY KEY,
    session_id   TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client_id    TEXT   NOT NULL,
    redirect_uri TEXT   NOT NULL,
    scope        TEXT   NOT NULL,
    nonce        TEXT,
    challenge    TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE INDEX authorization_codes_by_session ON authorization_codes (session_id);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);

-- An access token belongs to its code. Attack: a stolen code's second use must end the tokens of the first.
CREATE TABLE access_tokens (
    digest      TEXT   PRIMARY KEY,
    code_digest TEXT   NOT NULL REFERENCES authorization_codes (digest) ON DELETE CASCADE,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_code ON access_tokens (code_digest);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);
