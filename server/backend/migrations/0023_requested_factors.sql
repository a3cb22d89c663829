-- The number of factors that the client asks for (`acr_values`); 0 if it asks for none.
ALTER TABLE authorization_requests ADD COLUMN factors BIGINT NOT NULL DEFAULT 0;
