-- What a key is for. Without environments all keys are live.
ALTER TABLE api_keys ADD COLUMN environment TEXT COLLATE "C" NOT NULL DEFAULT 'live';

-- The keys for tests, which may be few among many.
CREATE INDEX api_keys_by_environment ON api_keys (organization_id, environment, id);
