-- The tokens of a device before its last two: whichever comes back is a copy.
CREATE TABLE earlier_device_tokens (
    digest      TEXT   PRIMARY KEY,
    device_id   TEXT   NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    replaced_at BIGINT NOT NULL
);
CREATE INDEX earlier_device_tokens_by_device ON earlier_device_tokens (device_id);
CREATE INDEX earlier_device_tokens_by_age ON earlier_device_tokens (replaced_at);
