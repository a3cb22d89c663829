-- Organizations: invitations, members by address, who deactivated them, and their security events since they joined.

CREATE TABLE organization_invitations (
    id              TEXT   PRIMARY KEY,
    organization_id TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email           TEXT   NOT NULL,
    -- NULL if the administrator's account was deleted.
    invited_by      TEXT   REFERENCES accounts (id) ON DELETE SET NULL,
    created_at      BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL,
    UNIQUE (organization_id, email)
);
CREATE INDEX organization_invitations_by_email ON organization_invitations (email);
CREATE INDEX organization_invitations_by_inviter ON organization_invitations (invited_by);
CREATE INDEX organization_invitations_by_end ON organization_invitations (ends_at);

-- The organization whose administrator deactivated the account; NULL if an operator did.
ALTER TABLE accounts ADD COLUMN disabled_by TEXT;

CREATE INDEX accounts_of_organization ON accounts (managed_by, email);

-- The organization that managed the account when the event happened. Attack: an administrator invites an account to read its
-- events from before.
ALTER TABLE events ADD COLUMN organization_id TEXT;
-- The administrator's account, for actor = 'administrator'.
ALTER TABLE events ADD COLUMN acted_by TEXT;
CREATE INDEX events_of_organization ON events (organization_id, at, id)
 WHERE organization_id IS NOT NULL AND kind NOT IN ('wrong_password', 'wrong_code', 'reset_asked');
