-- Refused verifications of the last days, to be found by the id of their request. Written in
-- batches. A batch of keys has one row for each that was refused. endpoint is 'auth',
-- 'organization' or 'verify'; code is an outcome of key_usage, 'no_key', 'malformed', 'not_found'
-- or 'token_refused'. presented is the masked form of a key that was not found. allowed is what
-- the key allowed of that which was refused, in the words of its settings. Without an
-- organization there is nothing but the code.
CREATE TABLE refusals (
    id TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    api_key_id TEXT,
    code TEXT NOT NULL,
    presented TEXT,
    needed_scopes TEXT NOT NULL,
    client_address TEXT,
    cost INTEGER NOT NULL,
    allowed TEXT NOT NULL,
    retry_after_seconds BIGINT,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX refusals_by_request ON refusals (request_id);
CREATE INDEX refusals_by_organization ON refusals (organization_id, created_at);
CREATE INDEX refusals_by_time ON refusals (created_at);
