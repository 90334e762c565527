-- The secret that a key had before, until its overlap ends. overlap is 'now', 'hour', 'day' or
-- 'week'; begins is 'first_use' or 'at_once'.
CREATE TABLE key_rotations (
    api_key_id TEXT NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    old_digest BLOB NOT NULL UNIQUE,
    overlap TEXT NOT NULL,
    begins TEXT NOT NULL,
    rotated_at TIMESTAMP NOT NULL,
    first_used_at TIMESTAMP,
    old_last_used_at TIMESTAMP
);
