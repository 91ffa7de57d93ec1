-- Sessions of browsers: who logged in with which token. No part of the log: a session begins, ends and is
-- forgotten. Not by tenant, for it is looked up before any tenant is known, as its token is.

CREATE TABLE session (
    sha256     bytea PRIMARY KEY CHECK (length(sha256) = 32),
    token_id   uuid NOT NULL REFERENCES token,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
-- Serves the forgetting of those that are over.
CREATE INDEX session_by_end ON session (expires_at);
COMMENT ON TABLE session IS 'Browsers that are logged in. Ends when its time is over or its token is no longer taken.';
COMMENT ON COLUMN session.sha256 IS 'SHA-256 of what the cookie holds, which is random and kept nowhere else.';
COMMENT ON COLUMN session.token_id IS 'The token that was given to log in; what it allows, the session allows to read.';
COMMENT ON COLUMN session.created_at IS 'When somebody logged in.';
COMMENT ON COLUMN session.expires_at IS 'From this instant on the cookie is refused.';
