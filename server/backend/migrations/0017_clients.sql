-- Clients of the OpenID provider that commands add while servers run, beside those of the configuration file.
CREATE TABLE clients (
    id                        TEXT   PRIMARY KEY,
    name                      TEXT   NOT NULL,
    -- Addresses, one per line.
    redirect_uris             TEXT   NOT NULL,
    post_logout_redirect_uris TEXT   NOT NULL,
    backchannel_logout_uri    TEXT,
    -- 1 if another company operates the product.
    third_party               BIGINT NOT NULL,
    -- The digest of the secret; NULL for a public client.
    secret_digest             TEXT,
    -- The digest of the secret before, which is also accepted until this time.
    previous_digest           TEXT,
    previous_until            BIGINT,
    created_at                BIGINT NOT NULL
);

-- One row, which each change of a client increments. Running servers compare it, and then read the clients again.
CREATE TABLE client_changes (
    id      BIGINT PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO client_changes (id, version) VALUES (1, 0);

-- For the removal of a client.
CREATE INDEX connected_products_by_client ON connected_products (client_id, account_id);
