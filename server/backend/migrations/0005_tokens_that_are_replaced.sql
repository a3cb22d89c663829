-- The token of a flow from its step up on; before that the id is its digest. The id stays: codes and letters refer to it.
ALTER TABLE flows ADD COLUMN token_digest TEXT;
ALTER TABLE flows ADD COLUMN stepped_up_at BIGINT;
CREATE UNIQUE INDEX flows_by_token ON flows (token_digest) WHERE token_digest IS NOT NULL;

-- The token before the current one: its return is a lost answer or a theft.
ALTER TABLE devices ADD COLUMN replaced_digest TEXT;
ALTER TABLE devices ADD COLUMN replaced_at BIGINT;
-- The last sign-in; NULL is not known: of a server of the release before. Those are written down in the background.
ALTER TABLE devices ADD COLUMN used_at BIGINT;
CREATE INDEX devices_by_replaced_token ON devices (replaced_digest) WHERE replaced_digest IS NOT NULL;
CREATE INDEX devices_by_use ON devices (used_at);
CREATE INDEX devices_of_unknown_use ON devices (id) WHERE used_at IS NULL;
