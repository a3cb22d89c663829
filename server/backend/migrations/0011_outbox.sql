ALTER TABLE letters RENAME TO outbox;
DROP INDEX letters_by_age;
CREATE INDEX outbox_by_age ON outbox (written_at);
ALTER TABLE outbox RENAME COLUMN given_up_at TO failed_at;
