-- Who called with a key, the twenty seen last. Written in batches.
CREATE TABLE key_callers (
    api_key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    requests BIGINT NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    PRIMARY KEY (api_key_id, address, user_agent)
);

-- A key that is switched off for some hours comes back at reactivate_at.
CREATE TABLE key_silences (
    api_key_id TEXT NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    reactivate_at TIMESTAMP NOT NULL
);
CREATE INDEX key_silences_due ON key_silences (reactivate_at);

-- Which mails about a coming end were sent. Another end is told of anew.
CREATE TABLE expiry_notices (
    api_key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    expires_at TIMESTAMP NOT NULL,
    days_before INTEGER NOT NULL,
    sent_at TIMESTAMP NOT NULL,
    PRIMARY KEY (api_key_id, expires_at, days_before)
);
CREATE INDEX api_keys_by_end ON api_keys (expires_at);

-- The secret address of an organization's calendar of expiries.
CREATE TABLE calendar_links (
    organization_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    token_digest BLOB NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
