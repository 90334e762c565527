INSERT INTO api_keys (id, organization_id, name, name_key, masked, secret_digest, created_by, created_at,
    description, scopes, networks, rate_limit, monthly_quota, metadata)
VALUES
    ('01936000-0000-7000-8000-000000000032', '01936000-0000-7000-8000-000000000010', 'Partner portal',
     'partner portal', 'tess_Part…rtal', X'3232323232323232', 'Jonas Berg', '2026-11-08 09:00:00.000032',
     'For the portal of our partners', 'invoices:read invoices:write', '10.0.0.0/8 203.0.113.0/24', '100/minute',
     500000, '{"team":"billing"}');

INSERT INTO key_usage (api_key_id, span, begins_at, outcome, requests, units) VALUES
    ('01936000-0000-7000-8000-000000000032', 'day', '2026-11-19 00:00:00', 'valid', 4713, 9426);
