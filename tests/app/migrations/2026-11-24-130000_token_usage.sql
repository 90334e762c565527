INSERT INTO token_usage (master_token_id, begins_at, requests) VALUES
    ('01936000-0000-7000-8000-000000000040', '2026-11-19 00:00:00', 4715);
