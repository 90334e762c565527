-- Keys that were removed and can be restored, as their rows were. They are not among the keys, so that no statement
-- has to leave them out.
CREATE TABLE removed_keys (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    search_key TEXT NOT NULL,
    masked TEXT NOT NULL,
    secret_digest BLOB NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    expiry_set_at TIMESTAMP,
    deactivated_at TIMESTAMP,
    last_used_at TIMESTAMP,
    description TEXT,
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    rate_limit TEXT,
    monthly_quota BIGINT,
    metadata TEXT,
    environment TEXT NOT NULL,
    removed_at TIMESTAMP NOT NULL,
    removed_by TEXT NOT NULL
);
CREATE INDEX removed_keys_by_age ON removed_keys (organization_id, removed_at, id);
CREATE INDEX removed_keys_by_end ON removed_keys (removed_at, id);

-- Since when a key is here again.
ALTER TABLE api_keys ADD COLUMN restored_at TIMESTAMP;

-- What is known of a key stays while the key can be restored, and goes with the last row that has its id. A reference
-- could not say that, so these tables are made anew without one, and triggers take its place.
CREATE TABLE key_usage_kept (
    api_key_id TEXT NOT NULL,
    span TEXT NOT NULL,
    begins_at TIMESTAMP NOT NULL,
    outcome TEXT NOT NULL,
    requests BIGINT NOT NULL,
    units BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (api_key_id, span, begins_at, outcome)
);
INSERT INTO key_usage_kept (api_key_id, span, begins_at, outcome, requests, units)
    SELECT api_key_id, span, begins_at, outcome, requests, units FROM key_usage;
DROP TABLE key_usage;
ALTER TABLE key_usage_kept RENAME TO key_usage;
CREATE INDEX key_usage_by_age ON key_usage (span, begins_at);

CREATE TABLE key_clients_kept (
    api_key_id TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    requests BIGINT NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    PRIMARY KEY (api_key_id, address, user_agent)
);
INSERT INTO key_clients_kept (api_key_id, address, user_agent, requests, last_seen_at)
    SELECT api_key_id, address, user_agent, requests, last_seen_at FROM key_clients;
DROP TABLE key_clients;
ALTER TABLE key_clients_kept RENAME TO key_clients;

CREATE TABLE leak_reports_kept (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    api_key_id TEXT,
    master_token_id TEXT REFERENCES master_tokens (id) ON DELETE CASCADE,
    secret_digest BLOB NOT NULL,
    url TEXT NOT NULL,
    source TEXT NOT NULL,
    reported_at TIMESTAMP NOT NULL,
    told_at TIMESTAMP,
    masked TEXT,
    UNIQUE (secret_digest, url)
);
INSERT INTO leak_reports_kept
    (id, organization_id, api_key_id, master_token_id, secret_digest, url, source, reported_at, told_at, masked)
    SELECT id, organization_id, api_key_id, master_token_id, secret_digest, url, source, reported_at, told_at, masked
    FROM leak_reports;
DROP TABLE leak_reports;
ALTER TABLE leak_reports_kept RENAME TO leak_reports;
CREATE INDEX leak_reports_by_key ON leak_reports (api_key_id);
CREATE INDEX leak_reports_by_organization ON leak_reports (organization_id, reported_at, id);
CREATE INDEX leak_reports_by_token ON leak_reports (master_token_id);
CREATE INDEX leak_reports_untold ON leak_reports (secret_digest) WHERE told_at IS NULL;

CREATE TRIGGER api_keys_forgotten AFTER DELETE ON api_keys
WHEN NOT EXISTS (SELECT 1 FROM removed_keys WHERE id = OLD.id) BEGIN
    DELETE FROM key_usage WHERE api_key_id = OLD.id;
    DELETE FROM key_clients WHERE api_key_id = OLD.id;
    DELETE FROM leak_reports WHERE api_key_id = OLD.id;
END;
CREATE TRIGGER removed_keys_forgotten AFTER DELETE ON removed_keys
WHEN NOT EXISTS (SELECT 1 FROM api_keys WHERE id = OLD.id) BEGIN
    DELETE FROM key_usage WHERE api_key_id = OLD.id;
    DELETE FROM key_clients WHERE api_key_id = OLD.id;
    DELETE FROM leak_reports WHERE api_key_id = OLD.id;
END;

-- Organizations that were removed and can be restored, and who belonged to them: nobody does meanwhile.
ALTER TABLE organizations ADD COLUMN removed_at TIMESTAMP;
ALTER TABLE organizations ADD COLUMN removed_by TEXT;
CREATE INDEX organizations_removed ON organizations (removed_at, id) WHERE removed_at IS NOT NULL;
CREATE TABLE removed_memberships (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    joined_at TIMESTAMP NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX removed_memberships_by_user ON removed_memberships (user_id, organization_id);
