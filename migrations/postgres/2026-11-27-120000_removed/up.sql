-- Keys that were removed and can be restored, as their rows were. They are not among the keys, so that no statement
-- has to leave them out.
CREATE TABLE removed_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    masked TEXT COLLATE "C" NOT NULL,
    secret_digest BYTEA NOT NULL UNIQUE,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    expiry_set_at TIMESTAMP,
    deactivated_at TIMESTAMP,
    last_used_at TIMESTAMP,
    description TEXT COLLATE "C",
    scopes TEXT COLLATE "C" NOT NULL,
    networks TEXT COLLATE "C" NOT NULL,
    rate_limit TEXT COLLATE "C",
    monthly_quota BIGINT,
    metadata TEXT COLLATE "C",
    environment TEXT COLLATE "C" NOT NULL,
    removed_at TIMESTAMP NOT NULL,
    removed_by TEXT COLLATE "C" NOT NULL
);
CREATE INDEX removed_keys_by_age ON removed_keys (organization_id, removed_at, id);
CREATE INDEX removed_keys_by_end ON removed_keys (removed_at, id);

-- Since when a key is here again.
ALTER TABLE api_keys ADD COLUMN restored_at TIMESTAMP;

-- What is known of a key stays while the key can be restored, and goes with the last row that has its id. A reference
-- could not say that, so triggers take its place.
ALTER TABLE key_usage DROP CONSTRAINT key_usage_api_key_id_fkey;
ALTER TABLE key_clients DROP CONSTRAINT key_clients_api_key_id_fkey;
ALTER TABLE leak_reports DROP CONSTRAINT leak_reports_api_key_id_fkey;

CREATE FUNCTION api_keys_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM removed_keys WHERE id = OLD.id) THEN
        DELETE FROM key_usage WHERE api_key_id = OLD.id;
        DELETE FROM key_clients WHERE api_key_id = OLD.id;
        DELETE FROM leak_reports WHERE api_key_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION removed_keys_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM api_keys WHERE id = OLD.id) THEN
        DELETE FROM key_usage WHERE api_key_id = OLD.id;
        DELETE FROM key_clients WHERE api_key_id = OLD.id;
        DELETE FROM leak_reports WHERE api_key_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_forgotten AFTER DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION api_keys_forgotten();
CREATE TRIGGER removed_keys_forgotten AFTER DELETE ON removed_keys
    FOR EACH ROW EXECUTE FUNCTION removed_keys_forgotten();

-- Organizations that were removed and can be restored, and who belonged to them: nobody does meanwhile.
ALTER TABLE organizations ADD COLUMN removed_at TIMESTAMP;
ALTER TABLE organizations ADD COLUMN removed_by TEXT COLLATE "C";
CREATE INDEX organizations_removed ON organizations (removed_at, id) WHERE removed_at IS NOT NULL;
CREATE TABLE removed_memberships (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL,
    joined_at TIMESTAMP NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX removed_memberships_by_user ON removed_memberships (user_id, organization_id);
