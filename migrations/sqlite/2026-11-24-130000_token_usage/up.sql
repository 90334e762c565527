-- How often a master token was accepted on each day of UTC.
CREATE TABLE token_usage (
    master_token_id TEXT NOT NULL REFERENCES master_tokens (id) ON DELETE CASCADE,
    begins_at TIMESTAMP NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (master_token_id, begins_at)
);

-- What one actor did, the newest first.
CREATE INDEX audit_events_by_actor ON audit_events (actor_id, id);
