-- What users say about their work; empty if nothing. Products do not see it.
ALTER TABLE accounts ADD COLUMN job_title TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN company TEXT NOT NULL DEFAULT '';
