UPDATE organizations SET leak_policy = 'deactivate';

INSERT INTO leak_reports (id, organization_id, api_key_id, master_token_id, secret_digest, url, source, reported_at)
VALUES
    ('01936000-0000-7000-8000-0000000000a0', '01936000-0000-7000-8000-000000000010',
     '01936000-0000-7000-8000-000000000030', NULL, X'3030303030303030', 'https://code.example/a0', 'scanner a0',
     '2026-11-13 09:00:00.000100'),
    ('01936000-0000-7000-8000-0000000000a1', '01936000-0000-7000-8000-000000000010', NULL,
     '01936000-0000-7000-8000-000000000040', X'4040404040404040', 'https://code.example/a1', 'scanner a1',
     '2026-11-13 09:00:00.000101');
