-- Ids are UUID v7 as text, instants are UTC with microseconds, digests are SHA-256.
-- Everything here is also valid PostgreSQL once BLOB reads BYTEA.

CREATE TABLE instance_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    email_verified_at TIMESTAMP,
    failed_log_ins INTEGER NOT NULL DEFAULT 0,
    last_active_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    token_digest BLOB NOT NULL UNIQUE,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    ip TEXT,
    user_agent TEXT,
    created_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at);

-- Links that prove an address: purpose is 'verify' or 'reset'.
CREATE TABLE email_links (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    token_digest BLOB NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
CREATE INDEX email_links_by_user ON email_links (user_id, purpose, created_at);

CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- role is 'administrator', 'supervisor' or 'user'.
CREATE TABLE memberships (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    joined_at TIMESTAMP NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

-- outcome is null while pending, then 'accepted', 'declined', 'withdrawn' or 'expired'.
CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    invited_by_id TEXT,
    invited_by_name TEXT NOT NULL,
    invited_by_email TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    outcome TEXT,
    closed_at TIMESTAMP,
    renewal_asked_at TIMESTAMP
);
CREATE UNIQUE INDEX invitations_one_pending ON invitations (organization_id, email) WHERE outcome IS NULL;
CREATE INDEX invitations_by_email ON invitations (email);

-- One invitation can carry several secrets: kind 'mail' went to the invited address
-- and proves it; kind 'link' was copied by an administrator and proves nothing.
CREATE TABLE invitation_secrets (
    token_digest BLOB NOT NULL PRIMARY KEY,
    invitation_id TEXT NOT NULL REFERENCES invitations (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX invitation_secrets_by_invitation ON invitation_secrets (invitation_id);

-- name_key is the name in the form that is compared for uniqueness.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    masked TEXT NOT NULL,
    secret_digest BLOB NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    deactivated_at TIMESTAMP,
    last_used_at TIMESTAMP,
    UNIQUE (organization_id, name_key)
);

CREATE TABLE master_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    masked TEXT NOT NULL,
    secret_digest BLOB NOT NULL UNIQUE,
    active BOOLEAN NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    replaced_at TIMESTAMP,
    last_used_at TIMESTAMP,
    UNIQUE (organization_id, name_key)
);

-- organization_id is null for events of an account. No foreign keys: the trail outlives its subjects.
CREATE TABLE audit_events (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_id TEXT,
    subject_name TEXT NOT NULL,
    detail TEXT,
    ip TEXT,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX audit_events_by_organization ON audit_events (organization_id, id);
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, id);

-- message is JSON; it is emptied of its secrets once sent.
-- state is 'queued', 'sent' or 'failed'.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    invitation_id TEXT REFERENCES invitations (id) ON DELETE SET NULL,
    recipient TEXT NOT NULL,
    message TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
);
CREATE INDEX outbox_due ON outbox (state, next_attempt_at);
CREATE INDEX outbox_by_invitation ON outbox (invitation_id, id);

-- A form that must not be carried out twice carries one of these ids (UUID v7, so its age is known).
CREATE TABLE spent_forms (
    id TEXT NOT NULL PRIMARY KEY,
    spent_at TIMESTAMP NOT NULL
);

-- Verifications by key, day or hour, and outcome. Written in batches.
CREATE TABLE key_usage (
    api_key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    span TEXT NOT NULL,
    begins_at TIMESTAMP NOT NULL,
    outcome TEXT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (api_key_id, span, begins_at, outcome)
);
