-- Flows of an address that wait for a code are bounded, fairly among client networks; see `account::WaitingFlow`.
ALTER TABLE flows ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE flows ADD COLUMN known_device BIGINT NOT NULL DEFAULT 0;
-- The flow that the same browser held before, for the same purpose and address.
ALTER TABLE flows ADD COLUMN replaces TEXT;
-- The length of its newest code.
ALTER TABLE flows ADD COLUMN digits BIGINT NOT NULL DEFAULT 0;
UPDATE flows SET digits = CASE purpose WHEN 'reset' THEN 8 ELSE 6 END WHERE codes_sent > 0;
-- A sign-in that asks for the code before the password, and whether the device is to be trusted after it.
ALTER TABLE flows ADD COLUMN mailbox_first BIGINT NOT NULL DEFAULT 0;
ALTER TABLE flows ADD COLUMN trust BIGINT NOT NULL DEFAULT 0;
-- After the right code: the tries that the flow goes on counting for, as one that still waits for its code.
ALTER TABLE flows ADD COLUMN counted_tries BIGINT;
CREATE INDEX flows_passed ON flows (email) WHERE counted_tries IS NOT NULL;

-- Wrong codes by address and hour: those of the last 24 hours lengthen the next codes. The row of hour 0 counts nothing; codes
-- are made one at a time by whoever holds it.
CREATE TABLE wrong_codes (
    id    TEXT   PRIMARY KEY,
    key   TEXT   NOT NULL,
    hour  BIGINT NOT NULL,
    count BIGINT NOT NULL
);
CREATE INDEX wrong_codes_by_key ON wrong_codes (key, hour);
CREATE INDEX wrong_codes_by_hour ON wrong_codes (hour);
