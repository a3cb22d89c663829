-- What an account's owner may do is derived from rows: a password, identities at providers, the organization that manages it.
-- SQLite cannot drop a column with a CHECK, so the tables are made anew; those that refer to them as well, because dropping a
-- table that others refer to deletes their rows.

CREATE TABLE accounts_kept AS SELECT * FROM accounts;
CREATE TABLE devices_kept AS SELECT * FROM devices;
CREATE TABLE earlier_device_tokens_kept AS SELECT * FROM earlier_device_tokens;
CREATE TABLE sessions_kept AS SELECT * FROM sessions;
CREATE TABLE flows_kept AS SELECT * FROM flows;
CREATE TABLE codes_kept AS SELECT * FROM codes;

DROP TABLE codes;
DROP TABLE flows;
DROP TABLE sessions;
DROP TABLE earlier_device_tokens;
DROP TABLE devices;
DROP TABLE accounts;

CREATE TABLE accounts (
    id          TEXT   PRIMARY KEY,
    email       TEXT   NOT NULL UNIQUE,
    name        TEXT   NOT NULL,
    language    TEXT,
    managed_by  TEXT   REFERENCES organizations (id),
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT
);
INSERT INTO accounts (id, email, name, language, managed_by, created_at, disabled_at)
SELECT id, email, name, language, organization_id, created_at, disabled_at FROM accounts_kept;

-- No row: no password. The password of an account that an organization manages is kept, hidden and refused.
CREATE TABLE passwords (
    account_id   TEXT   PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    hash         TEXT   NOT NULL,
    changed_at   BIGINT,
    -- Set when the leaked-password service did not answer: asked again at the next sign-in.
    unchecked_at BIGINT
);
INSERT INTO passwords (account_id, hash, changed_at, unchecked_at)
SELECT id, password, password_changed_at, password_unchecked_at FROM accounts_kept WHERE password IS NOT NULL;

-- An account at an OpenID provider. The subject is NULL until the first sign-in of an account that an operator has added for
-- this provider.
CREATE TABLE identities (
    id           TEXT   PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    issuer       TEXT   NOT NULL,
    subject      TEXT,
    email        TEXT   NOT NULL,
    linked_at    BIGINT NOT NULL,
    last_used_at BIGINT,
    UNIQUE (issuer, subject)
);
INSERT INTO identities (id, account_id, issuer, email, linked_at)
SELECT id, id, 'https://accounts.google.com', email, created_at FROM accounts_kept WHERE kind = 'google';

CREATE TABLE devices (
    id              TEXT   PRIMARY KEY,
    token_digest    TEXT   NOT NULL UNIQUE,
    account_id      TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    browser         TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    trusted_until   BIGINT,
    replaced_digest TEXT,
    replaced_at     BIGINT,
    used_at         BIGINT
);
INSERT INTO devices (id, token_digest, account_id, browser, created_at, trusted_until, replaced_digest, replaced_at, used_at)
SELECT id, token_digest, account_id, browser, created_at, trusted_until, replaced_digest, replaced_at, used_at FROM devices_kept;

CREATE TABLE earlier_device_tokens (
    digest      TEXT   PRIMARY KEY,
    device_id   TEXT   NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    replaced_at BIGINT NOT NULL
);
INSERT INTO earlier_device_tokens (digest, device_id, replaced_at)
SELECT digest, device_id, replaced_at FROM earlier_device_tokens_kept;

CREATE TABLE sessions (
    id               TEXT   PRIMARY KEY,
    token_digest     TEXT   NOT NULL UNIQUE,
    account_id       TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    browser          TEXT   NOT NULL,
    client           TEXT   NOT NULL,
    signed_in_at     BIGINT NOT NULL,
    last_seen_at     BIGINT NOT NULL,
    ends_at          BIGINT NOT NULL,
    -- When and how its user last proved who they are: 'password email_code', 'provider'.
    authenticated_at BIGINT NOT NULL,
    methods          TEXT   NOT NULL
);
INSERT INTO sessions (id, token_digest, account_id, browser, client, signed_in_at, last_seen_at, ends_at, authenticated_at, methods)
SELECT id, token_digest, account_id, browser, client, signed_in_at, last_seen_at, ends_at, signed_in_at, 'password' FROM sessions_kept;

-- A flow's purpose has no CHECK, so that a new one needs no copy.
CREATE TABLE flows (
    id                   TEXT   PRIMARY KEY,
    purpose              TEXT   NOT NULL,
    email                TEXT   NOT NULL,
    account_id           TEXT,
    reference            TEXT   NOT NULL,
    language             TEXT   NOT NULL,
    next_path            TEXT   NOT NULL,
    tries_left           BIGINT NOT NULL CHECK (tries_left >= 0),
    stale_code_allowance BIGINT NOT NULL CHECK (stale_code_allowance >= 0),
    codes_sent           BIGINT NOT NULL,
    resend_at            BIGINT NOT NULL,
    version              BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    ends_at              BIGINT NOT NULL,
    password_passed_at   BIGINT,
    code_passed_at       BIGINT,
    finished_at          BIGINT,
    ended_at             BIGINT,
    client               TEXT   NOT NULL,
    known_device         BIGINT NOT NULL,
    replaces             TEXT,
    digits               BIGINT NOT NULL,
    mailbox_first        BIGINT NOT NULL,
    trust                BIGINT NOT NULL DEFAULT 0,
    counted_tries        BIGINT,
    token_digest         TEXT,
    stepped_up_at        BIGINT
);
INSERT INTO flows (id, purpose, email, account_id, reference, language, next_path, tries_left, stale_code_allowance, codes_sent,
                        resend_at, version, created_at, ends_at, password_passed_at, code_passed_at, finished_at, ended_at, client,
                        known_device, replaces, digits, mailbox_first, trust, counted_tries, token_digest, stepped_up_at)
SELECT id, purpose, email, account_id, reference, language, next_path, tries_left, stale_code_allowance, codes_sent, resend_at,
       version, created_at, ends_at, password_passed_at, code_passed_at, finished_at, ended_at, client, known_device, replaces, digits,
       mailbox_first, trust, counted_tries, token_digest, stepped_up_at FROM flows_kept;

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
INSERT INTO codes (id, flow_id, purpose, email, digest, key_id, sent_at, expires_at, superseded_at, used_at)
SELECT id, flow_id, purpose, email, digest, key_id, sent_at, expires_at, superseded_at, used_at FROM codes_kept;

DROP TABLE accounts_kept;
DROP TABLE devices_kept;
DROP TABLE earlier_device_tokens_kept;
DROP TABLE sessions_kept;
DROP TABLE flows_kept;
DROP TABLE codes_kept;

CREATE INDEX accounts_by_organization ON accounts (managed_by);
CREATE INDEX identities_by_account ON identities (account_id);
-- An address that an operator has declared to be at a provider, until its first sign-in.
CREATE INDEX identities_declared ON identities (email) WHERE subject IS NULL;
CREATE INDEX devices_by_account ON devices (account_id);
CREATE INDEX devices_by_replaced_token ON devices (replaced_digest) WHERE replaced_digest IS NOT NULL;
CREATE INDEX devices_by_use ON devices (used_at);
CREATE INDEX devices_of_unknown_use ON devices (id) WHERE used_at IS NULL;
CREATE INDEX earlier_device_tokens_by_device ON earlier_device_tokens (device_id);
CREATE INDEX earlier_device_tokens_by_age ON earlier_device_tokens (replaced_at);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);
CREATE INDEX flows_by_end ON flows (ends_at);
CREATE INDEX flows_passed ON flows (email) WHERE counted_tries IS NOT NULL;
CREATE UNIQUE INDEX flows_by_token ON flows (token_digest) WHERE token_digest IS NOT NULL;
CREATE INDEX flows_open ON flows (email) WHERE COALESCE(finished_at, ended_at) IS NULL;
CREATE INDEX codes_by_flow ON codes (flow_id);
CREATE INDEX codes_open ON codes (email) WHERE COALESCE(used_at, superseded_at) IS NULL;

-- The provider's id in the configuration, through which the organization's members sign in.
ALTER TABLE organizations ADD COLUMN provider TEXT;
CREATE INDEX organizations_by_provider ON organizations (provider);
CREATE TABLE organization_domains (
    organization_id TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    domain          TEXT   NOT NULL,
    -- The text to publish in the domain's DNS.
    proof           TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    verified_at     BIGINT,
    PRIMARY KEY (organization_id, domain)
);
-- Attack: an organization claims a domain to keep its owner from verifying it. Only a verified claim excludes others.
CREATE UNIQUE INDEX organization_domains_verified ON organization_domains (domain) WHERE verified_at IS NOT NULL;
CREATE TABLE organization_administrators (
    organization_id TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    account_id      TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, account_id)
);
CREATE INDEX organization_administrators_by_account ON organization_administrators (account_id);

-- The digests of used states, until they expire. Attack: a response of a provider is used twice.
CREATE TABLE provider_responses (
    state_digest TEXT   PRIMARY KEY,
    ends_at      BIGINT NOT NULL
);
CREATE INDEX provider_responses_by_end ON provider_responses (ends_at);
