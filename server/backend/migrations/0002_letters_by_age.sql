-- Letters that left are taken away by age: without this each look reads all that are kept.
CREATE INDEX letters_by_age ON letters (written_at);
