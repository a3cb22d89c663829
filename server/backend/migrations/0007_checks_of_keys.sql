-- What each key of the server makes of nothing in particular, so that another key under the same name is noticed.
CREATE TABLE key_checks (
    key_id TEXT PRIMARY KEY,
    value  TEXT NOT NULL
);
