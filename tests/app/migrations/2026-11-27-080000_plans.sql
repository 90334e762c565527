INSERT INTO plans (id, name, name_key, rate_limit, monthly_quota, max_active_keys, max_members, max_lifetime_days, scopes, is_default, created_at) VALUES
    ('01936000-0000-7000-8000-000000000090', 'Free', 'free', '60/minute', 10000, 5, 10, 365, 'invoices:read', TRUE, '2026-11-27 10:00:00');
UPDATE organizations SET plan_id = '01936000-0000-7000-8000-000000000090';
INSERT INTO plan_overrides (organization_id, rate_limit, monthly_quota, max_active_keys, max_members, max_lifetime_days, scopes, ends_at)
    SELECT id, '600/minute', 20000, 6, 11, 366, 'invoices:write', '2027-01-01 00:00:00' FROM organizations;
INSERT INTO organization_usage (organization_id, begins_at, outcome, requests, units)
    SELECT id, '2026-11-01 00:00:00', 'plan_rate_limited', 17, 0 FROM organizations;
INSERT INTO quota_portions (owner_id, node_id, units, ends_at) VALUES
    ('01936000-0000-7000-8000-000000000010', '01936000-0000-7000-8000-00000000a001', 251, '2026-11-27 20:01:00');
INSERT INTO quota_notices (owner_id, month, percent, told_at) VALUES
    ('01936000-0000-7000-8000-000000000010', '2026-11-01 00:00:00', 80, '2026-11-27 20:02:00');
