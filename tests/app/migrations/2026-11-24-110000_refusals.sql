INSERT INTO refusals (id, request_id, place, endpoint, organization_id, api_key_id, code, presented, needed_scopes,
    client_address, cost, allowed, retry_after_seconds, created_at)
VALUES
    ('01936000-0000-7000-8000-0000000000b0', '01936000-0000-7000-8000-0000000001b0', 0, 'verify',
     '01936000-0000-7000-8000-000000000010', '01936000-0000-7000-8000-000000000030', 'rate_limited', NULL,
     'invoices:read', '198.51.100.8', 3, '100/minute', 42, '2026-11-14 09:00:00.000110'),
    ('01936000-0000-7000-8000-0000000000b1', '01936000-0000-7000-8000-0000000001b1', 0, 'verify', NULL, NULL,
     'token_refused', 'tess_m_Wron…gone', '', NULL, 1, '', NULL, '2026-11-14 09:00:00.000111');
