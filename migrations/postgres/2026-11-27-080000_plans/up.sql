-- What organizations may use. Where a ceiling is NULL there is none; no scopes mean any.
CREATE TABLE plans (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE,
    rate_limit TEXT COLLATE "C",
    monthly_quota BIGINT,
    max_active_keys BIGINT,
    max_members BIGINT,
    max_lifetime_days INTEGER,
    scopes TEXT COLLATE "C" NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX plans_default ON plans (is_default) WHERE is_default;

-- An organization without a plan has no ceilings.
ALTER TABLE organizations ADD COLUMN plan_id TEXT COLLATE "C" REFERENCES plans (id);
CREATE INDEX organizations_by_plan ON organizations (plan_id, search_key, id);

-- What holds for one organization instead of what its plan says, until an end if there is one.
CREATE TABLE plan_overrides (
    organization_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    rate_limit TEXT COLLATE "C",
    monthly_quota BIGINT,
    max_active_keys BIGINT,
    max_members BIGINT,
    max_lifetime_days INTEGER,
    scopes TEXT COLLATE "C" NOT NULL,
    ends_at TIMESTAMP
);

-- The requests of all keys of an organization by day, also of keys that are gone. Before this, of those that are there.
CREATE TABLE organization_usage (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    begins_at TIMESTAMP NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    requests BIGINT NOT NULL,
    units BIGINT NOT NULL,
    PRIMARY KEY (organization_id, begins_at, outcome)
);
CREATE INDEX organization_usage_by_day ON organization_usage (begins_at);
INSERT INTO organization_usage (organization_id, begins_at, outcome, requests, units)
SELECT api_keys.organization_id, key_usage.begins_at, key_usage.outcome, sum(key_usage.requests), sum(key_usage.units)
FROM key_usage INNER JOIN api_keys ON api_keys.id = key_usage.api_key_id
WHERE key_usage.span = 'day'
GROUP BY api_keys.organization_id, key_usage.begins_at, key_usage.outcome;

-- Organizations have quotas, too. Nobody is left who holds a portion while this runs.
DROP TABLE quota_portions;
CREATE TABLE quota_portions (
    owner_id TEXT COLLATE "C" NOT NULL,
    node_id TEXT COLLATE "C" NOT NULL,
    units BIGINT NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    PRIMARY KEY (owner_id, node_id)
);
CREATE INDEX quota_portions_by_end ON quota_portions (ends_at);
CREATE INDEX quota_portions_by_node ON quota_portions (node_id);

-- Of which quotas administrators and webhooks were told that so much of them is used, in which month.
CREATE TABLE quota_notices (
    owner_id TEXT COLLATE "C" NOT NULL,
    month TIMESTAMP NOT NULL,
    percent INTEGER NOT NULL,
    told_at TIMESTAMP NOT NULL,
    PRIMARY KEY (owner_id, month, percent)
);
CREATE INDEX quota_notices_by_month ON quota_notices (month);
