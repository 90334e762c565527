INSERT INTO key_rotations (api_key_id, old_digest, overlap, begins, rotated_at, first_used_at, old_last_used_at)
VALUES
    ('01936000-0000-7000-8000-000000000030', X'9090909090909090', 'day', 'first_use', '2026-11-10 09:00:00.000090',
     '2026-11-10 10:00:00.000090', '2026-11-10 09:30:00.000090'),
    ('01936000-0000-7000-8000-000000000031', X'9191919191919191', 'now', 'at_once', '2026-11-10 09:00:00.000091',
     NULL, NULL);

INSERT INTO audit_events (id, organization_id, actor_kind, actor_id, actor_name, action, subject_id, subject_name,
    created_at)
VALUES
    ('01936000-0000-7000-8000-000000000055', '01936000-0000-7000-8000-000000000010', 'user',
     '01936000-0000-7000-8000-000000000001', 'Dana Whitfield', 'api_key.overlap_ended',
     '01936000-0000-7000-8000-000000000030', 'Billing worker', '2026-11-11 09:00:00.000055');
