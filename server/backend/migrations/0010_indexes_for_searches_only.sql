-- `a IS NULL AND b IS NULL` as an index's condition fits statements about one id, too, and a planner that knows nothing of a new
-- table's size then reads the whole index. Only a search writes COALESCE.
DROP INDEX flows_by_email;
CREATE INDEX flows_open ON flows (email) WHERE COALESCE(finished_at, ended_at) IS NULL;
DROP INDEX codes_live;
CREATE INDEX codes_open ON codes (email) WHERE COALESCE(used_at, superseded_at) IS NULL;
DROP INDEX letters_due;
CREATE INDEX outbox_waiting ON letters (due_at) WHERE COALESCE(sent_at, given_up_at) IS NULL;
DROP INDEX letters_by_flow;
CREATE INDEX outbox_waiting_by_flow ON letters (flow_id) WHERE COALESCE(sent_at, given_up_at) IS NULL;
