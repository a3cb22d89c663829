-- The name by which products may call the user; empty if that is the name.
ALTER TABLE accounts ADD COLUMN preferred_name TEXT NOT NULL DEFAULT '';
-- The time when what products see was last changed. NULL: not since the creation.
ALTER TABLE accounts ADD COLUMN updated_at BIGINT;
