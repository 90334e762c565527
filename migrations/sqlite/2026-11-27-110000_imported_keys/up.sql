-- Keys that were made by other systems. What they were found by there stays, so that importing them twice does nothing
-- twice, also after a rotation. A key whose own digest is not known yet has a random one in its place until it is first
-- used: `stand_in`, which is nobody's secret.
CREATE TABLE imported_keys (
    api_key_id TEXT NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    scheme TEXT NOT NULL,
    look_up BLOB NOT NULL,
    verifier TEXT,
    stand_in BLOB,
    UNIQUE (scheme, look_up)
);
CREATE INDEX imported_keys_waiting ON imported_keys (api_key_id) WHERE stand_in IS NOT NULL;
