INSERT INTO master_tokens (id, organization_id, name, name_key, masked, secret_digest, active, created_by,
    created_at, permission, expires_at, last_used_ip)
VALUES
    ('01936000-0000-7000-8000-000000000042', '01936000-0000-7000-8000-000000000010', 'Reporting', 'reporting',
     'tess_m_Repo…ting', X'4242424242424242', TRUE, 'Dana Whitfield', '2026-11-12 09:00:00.000042', 'read',
     '2027-11-12 09:00:00.000042', '203.0.113.42');
