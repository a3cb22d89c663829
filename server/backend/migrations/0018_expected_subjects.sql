-- The subject that a client expects (`id_token_hint`).
ALTER TABLE authorization_requests ADD COLUMN subject TEXT;
