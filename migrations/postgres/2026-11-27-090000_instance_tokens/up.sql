-- Tokens with which machines verify keys of every organization, or operate the instance.
CREATE TABLE instance_tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE,
    masked TEXT COLLATE "C" NOT NULL,
    secret_digest BYTEA NOT NULL UNIQUE,
    access TEXT COLLATE "C" NOT NULL,
    active BOOLEAN NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    replaced_at TIMESTAMP,
    expires_at TIMESTAMP,
    last_used_at TIMESTAMP,
    last_used_ip TEXT COLLATE "C"
);
