-- Tokens: who may read what over HTTP. No part of the log: a token is made, expires and is revoked. Not by
-- tenant, for one may reach several, and it is looked up before any tenant is known.

CREATE TABLE token (
    token_id   uuid PRIMARY KEY,
    prefix     text COLLATE "C" NOT NULL,
    sha256     bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    tenants    text[] CHECK (cardinality(tenants) > 0),
    scopes     text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'report', 'admin']),
    name       text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE token IS 'Bearer tokens for reads over HTTP. A token itself is shown once and kept nowhere.';
COMMENT ON COLUMN token.token_id IS 'Random; sorts by when the token was made.';
COMMENT ON COLUMN token.prefix IS 'How the token begins, to find it again; the rest of it is still 208 random bits.';
COMMENT ON COLUMN token.sha256 IS 'SHA-256 of the token as text. The token is random, so no salt and no slow hash are needed.';
COMMENT ON COLUMN token.tenants IS 'The tenants that it reaches; null for all, also those to come.';
COMMENT ON COLUMN token.scopes IS 'read: histories; report: reports; admin: everything, also what is set and how the service is.';
COMMENT ON COLUMN token.name IS 'What whoever made it wrote to know it by.';
COMMENT ON COLUMN token.expires_at IS 'From this instant on it is refused; null if it does not expire.';
COMMENT ON COLUMN token.revoked_at IS 'When it was revoked; null if it was not.';
