INSERT INTO removed_keys (id, organization_id, name, name_key, search_key, masked, secret_digest, created_by, created_at,
    expires_at, expiry_set_at, deactivated_at, last_used_at, description, scopes, networks, rate_limit, monthly_quota,
    metadata, environment, removed_at, removed_by)
SELECT '01936000-0000-7000-8000-0000000000b0', id, 'Old worker', 'old worker', 'old worker', 'tess_Oldw…rker', X'b0',
    'Dana Whitfield', '2026-11-05 09:00:00.000030', '2027-11-05 09:00:00', '2026-11-06 09:00:00', '2026-11-07 09:00:00',
    '2026-11-07 08:00:00', 'Nightly', 'invoices:read', '10.0.0.0/8', '100/minute', 5000, '{"customer":4711}', 'live',
    '2026-11-27 11:00:00', 'Dana Whitfield'
FROM organizations ORDER BY id LIMIT 1;
UPDATE api_keys SET restored_at = '2026-11-27 11:30:00';
UPDATE organizations SET removed_at = '2026-11-27 11:45:00', removed_by = 'Dana Whitfield';
INSERT INTO removed_memberships (organization_id, user_id, role, joined_at)
SELECT organization_id, user_id, role, joined_at FROM memberships;
