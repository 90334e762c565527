-- Tokens with which machines verify keys of every organization, or operate the instance.
CREATE TABLE instance_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    masked TEXT NOT NULL,
    secret_digest BLOB NOT NULL UNIQUE,
    access TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    replaced_at TIMESTAMP,
    expires_at TIMESTAMP,
    last_used_at TIMESTAMP,
    last_used_ip TEXT
);
