ALTER TABLE flows RENAME COLUMN hints_left TO stale_code_allowance;
ALTER TABLE flows RENAME COLUMN label TO reference;
