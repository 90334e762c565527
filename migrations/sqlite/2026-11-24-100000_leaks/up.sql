-- leak_policy is 'notify' or 'deactivate'. A report may be wrong, so keys only stop where an
-- organization chose that.
ALTER TABLE organizations ADD COLUMN leak_policy TEXT NOT NULL DEFAULT 'notify';

-- A secret that was found in public, once for each place. It concerns the secret and not the key:
-- after a rotation the key is clean, and its new secret can be found in the same place.
CREATE TABLE leak_reports (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    api_key_id TEXT REFERENCES api_keys (id) ON DELETE CASCADE,
    master_token_id TEXT REFERENCES master_tokens (id) ON DELETE CASCADE,
    secret_digest BLOB NOT NULL,
    url TEXT NOT NULL,
    source TEXT NOT NULL,
    reported_at TIMESTAMP NOT NULL,
    UNIQUE (secret_digest, url)
);
CREATE INDEX leak_reports_by_organization ON leak_reports (organization_id);
CREATE INDEX leak_reports_by_key ON leak_reports (api_key_id);
CREATE INDEX leak_reports_by_token ON leak_reports (master_token_id);
