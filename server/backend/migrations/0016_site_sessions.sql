-- Sessions at sites: programs behind a reverse proxy that asks this service about each request. Each belongs to a session here and
-- ends with it, in the same statement.
CREATE TABLE site_sessions (
    digest     TEXT   PRIMARY KEY,
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- The client that stands for the site.
    client_id  TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX site_sessions_by_session ON site_sessions (session_id, client_id);
