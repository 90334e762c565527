-- What those who operate the instance note about an organization; its members do not see it.
ALTER TABLE organizations ADD COLUMN notes TEXT COLLATE "C";

-- The days on which an organization reached a limit of its plan. They are few among all.
CREATE INDEX organization_usage_limited ON organization_usage (begins_at, organization_id)
WHERE substr(outcome, 1, 5) = 'plan_';
