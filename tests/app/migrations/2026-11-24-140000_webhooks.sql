INSERT INTO webhooks (id, organization_id, url, description, events, secret, previous_secret, previous_secret_until,
    disabled_at, disabled_because, failing_since, created_by, created_at)
VALUES
    ('01936000-0000-7000-8000-0000000000c0', '01936000-0000-7000-8000-000000000010', 'https://hooks.example/c0',
     'The accounts department', 'api_key.created invitation.withdrawn', 'whsec_c0', 'whsec_before_c0',
     '2026-11-16 09:00:00.000120', '2026-11-17 09:00:00.000120', 'failed for three days',
     '2026-11-14 09:00:00.000120', 'Dana Whitfield', '2026-11-15 09:00:00.000120');

INSERT INTO webhook_deliveries (id, webhook_id, event, payload, state, attempts, next_attempt_at, last_attempt_at,
    last_status, last_error, response, created_at, finished_at)
VALUES
    ('01936000-0000-7000-8000-0000000000c1', '01936000-0000-7000-8000-0000000000c0', 'api_key.created', '{"c":1}',
     'failed', 10, '2026-11-17 09:00:00.000121', '2026-11-17 09:00:00.000122', 503, 'HTTP 503', 'Come back later',
     '2026-11-14 09:00:00.000121', '2026-11-17 09:00:00.000123'),
    ('01936000-0000-7000-8000-0000000000c2', '01936000-0000-7000-8000-0000000000c0', 'api_key.created', '{"c":2}',
     'queued', 0, '2026-11-17 09:00:00.000124', NULL, NULL, NULL, NULL, '2026-11-17 09:00:00.000124', NULL);
