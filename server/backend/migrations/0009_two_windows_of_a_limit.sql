-- A limit's shorter window beside its longer one, so that "5 an hour and 10 a day" is one row. NULL where there is only one.
ALTER TABLE limits ADD COLUMN short_count BIGINT;
ALTER TABLE limits ADD COLUMN short_ends_at BIGINT;
