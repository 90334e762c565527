-- The schema as the migrations of SQLite up to this one leave it (migrations/sqlite, which have the reasons);
-- later changes are one migration for each engine. Texts are compared byte by byte, as SQLite does.

CREATE TABLE instance_secrets (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    email_verified_at TIMESTAMP,
    failed_log_ins INTEGER NOT NULL DEFAULT 0,
    last_active_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_digest BYTEA NOT NULL UNIQUE,
    user_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE,
    state TEXT COLLATE "C" NOT NULL,
    ip TEXT COLLATE "C",
    user_agent TEXT COLLATE "C",
    created_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at);

CREATE TABLE email_links (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT COLLATE "C" NOT NULL,
    token_digest BYTEA NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
CREATE INDEX email_links_by_user ON email_links (user_id, purpose, created_at);

CREATE TABLE organizations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    leak_policy TEXT COLLATE "C" NOT NULL DEFAULT 'notify',
    search_key TEXT COLLATE "C" NOT NULL DEFAULT '',
    member_count BIGINT NOT NULL DEFAULT 0,
    api_key_count BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE memberships (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL,
    joined_at TIMESTAMP NOT NULL,
    member_key TEXT COLLATE "C" NOT NULL DEFAULT '',
    organization_key TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_by_name ON memberships (organization_id, member_key, user_id);
CREATE INDEX memberships_by_age ON memberships (organization_id, joined_at, user_id);
CREATE INDEX memberships_by_user ON memberships (user_id, organization_key, organization_id);

CREATE TABLE invitations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    invited_by_id TEXT COLLATE "C",
    invited_by_name TEXT COLLATE "C" NOT NULL,
    invited_by_email TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    outcome TEXT COLLATE "C",
    closed_at TIMESTAMP,
    renewal_asked_at TIMESTAMP
);
CREATE UNIQUE INDEX invitations_one_pending ON invitations (organization_id, email) WHERE outcome IS NULL;
CREATE INDEX invitations_by_email ON invitations (email);
CREATE INDEX invitations_by_age ON invitations (organization_id, sent_at DESC, email) WHERE outcome IS NULL;
CREATE INDEX invitations_by_id ON invitations (organization_id, id) WHERE outcome IS NULL;
CREATE INDEX invitations_to_address ON invitations (email, sent_at DESC, id) WHERE outcome IS NULL;

CREATE TABLE invitation_secrets (
    token_digest BYTEA NOT NULL PRIMARY KEY,
    invitation_id TEXT COLLATE "C" NOT NULL REFERENCES invitations (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX invitation_secrets_by_invitation ON invitation_secrets (invitation_id);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    masked TEXT COLLATE "C" NOT NULL,
    secret_digest BYTEA NOT NULL UNIQUE,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    deactivated_at TIMESTAMP,
    last_used_at TIMESTAMP,
    description TEXT COLLATE "C",
    scopes TEXT COLLATE "C" NOT NULL DEFAULT '',
    networks TEXT COLLATE "C" NOT NULL DEFAULT '',
    rate_limit TEXT COLLATE "C",
    monthly_quota BIGINT,
    metadata TEXT COLLATE "C",
    expiry_set_at TIMESTAMP,
    paused_until TIMESTAMP,
    search_key TEXT COLLATE "C" NOT NULL DEFAULT '',
    expires_order TIMESTAMP NOT NULL
        GENERATED ALWAYS AS (coalesce(expires_at, TIMESTAMP '9999-12-31 23:59:59')) STORED,
    last_used_order TIMESTAMP NOT NULL
        GENERATED ALWAYS AS (coalesce(last_used_at, TIMESTAMP '0001-01-01 00:00:00')) STORED,
    UNIQUE (organization_id, name_key)
);
CREATE INDEX api_keys_by_name ON api_keys (organization_id, search_key, id);
CREATE INDEX api_keys_by_id ON api_keys (organization_id, id);
CREATE INDEX api_keys_by_expiration ON api_keys (organization_id, expires_order, id);
CREATE INDEX api_keys_by_last_use ON api_keys (organization_id, last_used_order, id);
CREATE INDEX api_keys_unused ON api_keys (organization_id, id) WHERE last_used_at IS NULL;
CREATE INDEX api_keys_deactivated ON api_keys (organization_id, id) WHERE deactivated_at IS NOT NULL;
CREATE INDEX api_keys_by_end ON api_keys (expires_at, id);
CREATE INDEX api_keys_by_pause ON api_keys (paused_until, id) WHERE paused_until IS NOT NULL;

CREATE TABLE master_tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    masked TEXT COLLATE "C" NOT NULL,
    secret_digest BYTEA NOT NULL UNIQUE,
    active BOOLEAN NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    replaced_at TIMESTAMP,
    last_used_at TIMESTAMP,
    access TEXT COLLATE "C" NOT NULL DEFAULT 'everything',
    expires_at TIMESTAMP,
    last_used_ip TEXT COLLATE "C",
    UNIQUE (organization_id, name_key)
);

CREATE TABLE audit_events (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C",
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C",
    actor_name TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C",
    subject_name TEXT COLLATE "C" NOT NULL,
    search_text TEXT COLLATE "C",
    ip TEXT COLLATE "C",
    created_at TIMESTAMP NOT NULL,
    details TEXT COLLATE "C",
    search_key TEXT COLLATE "C" NOT NULL DEFAULT '',
    area TEXT COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (CASE split_part(action, '.', 1)
        WHEN 'invitation' THEN 'members'
        WHEN 'member' THEN 'members'
        WHEN 'api_key' THEN 'api_keys'
        WHEN 'calendar_link' THEN 'api_keys'
        WHEN 'master_token' THEN 'master_tokens'
        WHEN 'webhook' THEN 'webhooks'
        WHEN 'organization' THEN 'organization'
        ELSE '' END) STORED
);
CREATE INDEX audit_events_by_organization ON audit_events (organization_id, id, action);
CREATE INDEX audit_events_by_actor ON audit_events (organization_id, actor_id, id, action);
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, id, action);
CREATE INDEX audit_events_by_time ON audit_events (organization_id, created_at, id);
CREATE INDEX audit_events_by_area ON audit_events (organization_id, area, id, action);

CREATE TABLE outbox (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    invitation_id TEXT COLLATE "C" REFERENCES invitations (id) ON DELETE SET NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    last_error TEXT COLLATE "C",
    created_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    organization_id TEXT COLLATE "C",
    class TEXT COLLATE "C" NOT NULL DEFAULT 'notice',
    quiet_until TIMESTAMP
);
CREATE INDEX outbox_by_invitation ON outbox (invitation_id, id);
CREATE INDEX outbox_due ON outbox (state, class, organization_id, next_attempt_at);
CREATE INDEX outbox_quiet ON outbox (quiet_until) WHERE quiet_until IS NOT NULL;
CREATE INDEX outbox_by_recipient ON outbox (recipient, state);

CREATE TABLE spent_forms (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    spent_at TIMESTAMP NOT NULL
);

CREATE TABLE key_usage (
    api_key_id TEXT COLLATE "C" NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    span TEXT COLLATE "C" NOT NULL,
    begins_at TIMESTAMP NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    requests BIGINT NOT NULL,
    units BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (api_key_id, span, begins_at, outcome)
);
CREATE INDEX key_usage_by_age ON key_usage (span, begins_at);

CREATE TABLE key_clients (
    api_key_id TEXT COLLATE "C" NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    address TEXT COLLATE "C" NOT NULL,
    user_agent TEXT COLLATE "C" NOT NULL,
    requests BIGINT NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    PRIMARY KEY (api_key_id, address, user_agent)
);

CREATE TABLE expiry_notices (
    api_key_id TEXT COLLATE "C" NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    expires_at TIMESTAMP NOT NULL,
    days_before INTEGER NOT NULL,
    sent_at TIMESTAMP NOT NULL,
    PRIMARY KEY (api_key_id, expires_at, days_before)
);

CREATE TABLE calendar_links (
    organization_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    token_digest BYTEA NOT NULL UNIQUE,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE key_rotations (
    api_key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    previous_digest BYTEA NOT NULL UNIQUE,
    grace_period TEXT COLLATE "C" NOT NULL,
    starts TEXT COLLATE "C" NOT NULL,
    rotated_at TIMESTAMP NOT NULL,
    first_used_at TIMESTAMP,
    previous_last_used_at TIMESTAMP,
    previous_expires_at TIMESTAMP
);

CREATE TABLE leak_reports (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    api_key_id TEXT COLLATE "C" REFERENCES api_keys (id) ON DELETE CASCADE,
    master_token_id TEXT COLLATE "C" REFERENCES master_tokens (id) ON DELETE CASCADE,
    secret_digest BYTEA NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    reported_at TIMESTAMP NOT NULL,
    told_at TIMESTAMP,
    masked TEXT COLLATE "C",
    UNIQUE (secret_digest, url)
);
CREATE INDEX leak_reports_by_key ON leak_reports (api_key_id);
CREATE INDEX leak_reports_by_token ON leak_reports (master_token_id);
CREATE INDEX leak_reports_untold ON leak_reports (secret_digest) WHERE told_at IS NULL;
CREATE INDEX leak_reports_by_organization ON leak_reports (organization_id, reported_at, id);

CREATE TABLE rejections (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    request_id TEXT COLLATE "C" NOT NULL,
    place INTEGER NOT NULL,
    endpoint TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" REFERENCES organizations (id) ON DELETE CASCADE,
    api_key_id TEXT COLLATE "C",
    code TEXT COLLATE "C" NOT NULL,
    presented TEXT COLLATE "C",
    needed_scopes TEXT COLLATE "C" NOT NULL,
    client_address TEXT COLLATE "C",
    cost INTEGER NOT NULL,
    allowed TEXT COLLATE "C" NOT NULL,
    retry_after_seconds BIGINT,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX refusals_by_request ON rejections (request_id);
CREATE INDEX refusals_by_organization ON rejections (organization_id, created_at);
CREATE INDEX refusals_by_time ON rejections (created_at);

CREATE TABLE token_usage (
    master_token_id TEXT COLLATE "C" NOT NULL REFERENCES master_tokens (id) ON DELETE CASCADE,
    begins_at TIMESTAMP NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (master_token_id, begins_at)
);

CREATE TABLE webhooks (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    url TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    events TEXT COLLATE "C" NOT NULL,
    secret TEXT COLLATE "C" NOT NULL,
    previous_secret TEXT COLLATE "C",
    previous_secret_until TIMESTAMP,
    disabled_at TIMESTAMP,
    disabled_because TEXT COLLATE "C",
    failing_since TIMESTAMP,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    not_before TIMESTAMP
);
CREATE INDEX webhooks_by_organization ON webhooks (organization_id, id);

CREATE TABLE webhook_deliveries (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    webhook_id TEXT COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    last_attempt_at TIMESTAMP,
    last_status INTEGER,
    last_error TEXT COLLATE "C",
    response TEXT COLLATE "C",
    created_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, state, next_attempt_at);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook_id, state, created_at, id);

CREATE TABLE idempotent_responses (
    owner_id TEXT COLLATE "C" NOT NULL,
    key_digest BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    response BYTEA NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (owner_id, key_digest)
);
CREATE INDEX idempotent_answers_by_age ON idempotent_responses (created_at);

CREATE TABLE budget_uses (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    budget TEXT COLLATE "C" NOT NULL,
    spender TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    used_at TIMESTAMP NOT NULL
);
CREATE INDEX budget_uses_by_spender ON budget_uses (spender, used_at);
CREATE INDEX budget_uses_by_age ON budget_uses (used_at);

CREATE TABLE throttles (
    bucket BIGINT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    counted_until BIGINT NOT NULL,
    forget_at BIGINT NOT NULL
);
CREATE INDEX throttles_by_end ON throttles (forget_at);

CREATE TABLE expiry_rounds (
    organization_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    mailed_at TIMESTAMP NOT NULL,
    is_done BOOLEAN NOT NULL
);

CREATE TABLE search_terms (
    scope TEXT COLLATE "C" NOT NULL,
    list TEXT COLLATE "C" NOT NULL,
    term TEXT COLLATE "C" NOT NULL,
    row_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (scope, list, term, row_id)
);
CREATE INDEX search_terms_by_row ON search_terms (row_id, list, scope, term) WHERE list <> 'event';

-- What SQLite's triggers do.
CREATE FUNCTION memberships_count_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations SET member_count = member_count + 1 WHERE id = NEW.organization_id;
    RETURN NULL;
END $$;
CREATE FUNCTION memberships_count_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations SET member_count = member_count - 1 WHERE id = OLD.organization_id;
    RETURN NULL;
END $$;
CREATE FUNCTION api_keys_count_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations SET api_key_count = api_key_count + 1 WHERE id = NEW.organization_id;
    RETURN NULL;
END $$;
CREATE FUNCTION api_keys_count_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations SET api_key_count = api_key_count - 1 WHERE id = OLD.organization_id;
    RETURN NULL;
END $$;
CREATE FUNCTION users_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE memberships SET member_key = NEW.search_key WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE FUNCTION memberships_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.member_key = (SELECT search_key FROM users WHERE id = NEW.user_id);
    NEW.organization_key = (SELECT search_key FROM organizations WHERE id = NEW.organization_id);
    RETURN NEW;
END $$;
CREATE FUNCTION organizations_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE memberships SET organization_key = NEW.search_key WHERE organization_id = NEW.id;
    RETURN NULL;
END $$;
CREATE FUNCTION api_keys_searched_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms WHERE row_id = OLD.id AND list = 'key' AND list <> 'event';
    RETURN NULL;
END $$;
CREATE FUNCTION invitations_searched_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms WHERE row_id = OLD.id AND list = 'invitation' AND list <> 'event';
    RETURN NULL;
END $$;
CREATE FUNCTION memberships_searched_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms
    WHERE row_id = OLD.user_id AND list = 'member' AND scope = OLD.organization_id AND list <> 'event';
    DELETE FROM search_terms
    WHERE row_id = OLD.organization_id AND list = 'organization' AND scope = OLD.user_id AND list <> 'event';
    RETURN NULL;
END $$;
CREATE FUNCTION users_searched_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms WHERE row_id = NEW.id AND list = 'member' AND list <> 'event';
    RETURN NULL;
END $$;
CREATE FUNCTION organizations_searched_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms WHERE row_id = NEW.id AND list = 'organization' AND list <> 'event';
    RETURN NULL;
END $$;

CREATE TRIGGER memberships_count_in AFTER INSERT ON memberships
    FOR EACH ROW EXECUTE FUNCTION memberships_count_in();
CREATE TRIGGER memberships_count_out AFTER DELETE ON memberships
    FOR EACH ROW EXECUTE FUNCTION memberships_count_out();
CREATE TRIGGER api_keys_count_in AFTER INSERT ON api_keys
    FOR EACH ROW EXECUTE FUNCTION api_keys_count_in();
CREATE TRIGGER api_keys_count_out AFTER DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION api_keys_count_out();
CREATE TRIGGER users_renamed AFTER UPDATE OF search_key ON users
    FOR EACH ROW EXECUTE FUNCTION users_renamed();
CREATE TRIGGER memberships_named BEFORE INSERT ON memberships
    FOR EACH ROW EXECUTE FUNCTION memberships_named();
CREATE TRIGGER organizations_renamed AFTER UPDATE OF search_key ON organizations
    FOR EACH ROW EXECUTE FUNCTION organizations_renamed();
CREATE TRIGGER api_keys_searched_out AFTER DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION api_keys_searched_out();
CREATE TRIGGER api_keys_searched_anew AFTER UPDATE OF name, masked ON api_keys
    FOR EACH ROW EXECUTE FUNCTION api_keys_searched_out();
CREATE TRIGGER invitations_searched_out AFTER DELETE ON invitations
    FOR EACH ROW EXECUTE FUNCTION invitations_searched_out();
-- Only pending ones are listed.
CREATE TRIGGER invitations_closed AFTER UPDATE OF outcome ON invitations
    FOR EACH ROW WHEN (NEW.outcome IS NOT NULL) EXECUTE FUNCTION invitations_searched_out();
CREATE TRIGGER memberships_searched_out AFTER DELETE ON memberships
    FOR EACH ROW EXECUTE FUNCTION memberships_searched_out();
CREATE TRIGGER users_searched_anew AFTER UPDATE OF name, email ON users
    FOR EACH ROW EXECUTE FUNCTION users_searched_anew();
CREATE TRIGGER organizations_searched_anew AFTER UPDATE OF name ON organizations
    FOR EACH ROW EXECUTE FUNCTION organizations_searched_anew();
