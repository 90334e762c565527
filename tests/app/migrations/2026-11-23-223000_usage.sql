INSERT INTO key_callers (api_key_id, address, user_agent, requests, last_seen_at) VALUES
    ('01936000-0000-7000-8000-000000000030', '198.51.100.7', 'curl/8.11.0', 4714, '2026-11-20 12:00:00.000080');

INSERT INTO key_silences (api_key_id, reactivate_at) VALUES
    ('01936000-0000-7000-8000-000000000031', '2026-12-01 09:00:00.000081');

INSERT INTO expiry_notices (api_key_id, expires_at, days_before, sent_at) VALUES
    ('01936000-0000-7000-8000-000000000030', '2027-02-05 09:00:00.000030', 30, '2027-01-06 09:00:00.000082');

INSERT INTO calendar_links (organization_id, token_digest, created_by, created_at) VALUES
    ('01936000-0000-7000-8000-000000000010', X'8383838383838383', 'Dana Whitfield', '2026-11-09 09:00:00.000083');

INSERT INTO audit_events (id, organization_id, actor_kind, actor_id, actor_name, action, subject_id, subject_name,
    created_at)
VALUES
    ('01936000-0000-7000-8000-000000000053', '01936000-0000-7000-8000-000000000010', 'user',
     '01936000-0000-7000-8000-000000000001', 'Dana Whitfield', 'api_key.silenced',
     '01936000-0000-7000-8000-000000000031', 'Nightly export', '2026-11-06 09:00:00.000053'),
    ('01936000-0000-7000-8000-000000000054', '01936000-0000-7000-8000-000000000010', 'user',
     '01936000-0000-7000-8000-000000000001', 'Dana Whitfield', 'api_key.silence_ended',
     '01936000-0000-7000-8000-000000000030', 'Billing worker', '2026-11-06 09:00:00.000054');
