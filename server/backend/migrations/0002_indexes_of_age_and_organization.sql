-- Letters are swept away by their age; an organization's row is looked for in its accounts when it changes.
CREATE INDEX letters_by_age ON letters (written_at);
CREATE INDEX accounts_by_organization ON accounts (organization_id);
