-- Keys that were made by other systems. What they were found by there stays, so that importing them twice does nothing
-- twice, also after a rotation. A key whose own digest is not known yet has a random one in its place until it is first
-- used: `stand_in`, which is nobody's secret. A row goes with the last row that has the id of its key.
CREATE TABLE imported_keys (
    api_key_id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    scheme TEXT NOT NULL,
    look_up BLOB NOT NULL,
    verifier TEXT,
    stand_in BLOB,
    UNIQUE (scheme, look_up)
);
CREATE INDEX imported_keys_waiting ON imported_keys (api_key_id) WHERE stand_in IS NOT NULL;

CREATE TRIGGER api_keys_imports_forgotten AFTER DELETE ON api_keys
WHEN NOT EXISTS (SELECT 1 FROM removed_keys WHERE id = OLD.id) BEGIN
    DELETE FROM imported_keys WHERE api_key_id = OLD.id;
END;
CREATE TRIGGER removed_keys_imports_forgotten AFTER DELETE ON removed_keys
WHEN NOT EXISTS (SELECT 1 FROM api_keys WHERE id = OLD.id) BEGIN
    DELETE FROM imported_keys WHERE api_key_id = OLD.id;
END;
