INSERT INTO instance_administrators (user_id, since, appointed_by) VALUES
    ('01936000-0000-7000-8000-000000000001', '2026-11-27 08:00:00', 'System');
INSERT INTO setup_links (node, token_digest, created_at) VALUES
    ('tessera-1:8080', X'E1E1E1E1E1E1E1E1', '2026-11-27 07:59:00');
UPDATE users SET deactivated_at = '2026-11-27 09:00:00' WHERE id <> '01936000-0000-7000-8000-000000000001';
