INSERT INTO instance_secrets (name, value) VALUES ('session_key', X'0101010101010101');

INSERT INTO users (id, email, name, password_hash, email_verified_at, failed_log_ins, last_active_at, created_at)
VALUES
    ('01936000-0000-7000-8000-000000000001', 'dana@lumen.example', 'Dana Whitfield', '$argon2id$dana',
     '2026-11-01 09:05:00.000001', 2, '2026-11-20 18:00:00.000001', '2026-11-01 09:00:00.000001'),
    ('01936000-0000-7000-8000-000000000002', 'jonas@lumen.example', 'Jonas Berg', '$argon2id$jonas',
     NULL, 0, NULL, '2026-11-02 09:00:00.000002');

INSERT INTO sessions (id, token_digest, user_id, state, ip, user_agent, created_at, last_seen_at) VALUES
    ('01936000-0000-7000-8000-000000000003', X'0303030303030303', '01936000-0000-7000-8000-000000000001',
     '{"session_id":"\"01936000-0000-7000-8000-000000000003\""}', '203.0.113.3', 'Firefox/145.0',
     '2026-11-20 17:00:00.000003', '2026-11-20 18:00:00.000003'),
    ('01936000-0000-7000-8000-000000000004', X'0404040404040404', NULL, '{}', NULL, NULL,
     '2026-11-20 17:00:00.000004', '2026-11-20 18:00:00.000004');

INSERT INTO email_links (id, user_id, purpose, token_digest, created_at, expires_at, used_at) VALUES
    ('01936000-0000-7000-8000-000000000005', '01936000-0000-7000-8000-000000000001', 'verify',
     X'0505050505050505', '2026-11-01 09:00:00.000005', '2026-11-02 09:00:00.000005', '2026-11-01 09:05:00.000005'),
    ('01936000-0000-7000-8000-000000000006', '01936000-0000-7000-8000-000000000002', 'reset',
     X'0606060606060606', '2026-11-02 09:00:00.000006', '2026-11-02 10:00:00.000006', NULL);

INSERT INTO organizations (id, name, created_at) VALUES
    ('01936000-0000-7000-8000-000000000010', 'Lumen Logistics', '2026-11-01 10:00:00.000010');

INSERT INTO memberships (organization_id, user_id, role, joined_at) VALUES
    ('01936000-0000-7000-8000-000000000010', '01936000-0000-7000-8000-000000000001', 'administrator',
     '2026-11-01 10:00:00.000011'),
    ('01936000-0000-7000-8000-000000000010', '01936000-0000-7000-8000-000000000002', 'supervisor',
     '2026-11-02 10:00:00.000012');

INSERT INTO invitations (id, organization_id, email, role, invited_by_id, invited_by_name, invited_by_email,
    created_at, sent_at, expires_at, outcome, closed_at, renewal_asked_at)
VALUES
    ('01936000-0000-7000-8000-000000000020', '01936000-0000-7000-8000-000000000010', 'mara@lumen.example', 'user',
     '01936000-0000-7000-8000-000000000001', 'Dana Whitfield', 'dana@lumen.example', '2026-11-03 09:00:00.000020',
     '2026-11-03 09:00:01.000020', '2026-11-10 09:00:00.000020', NULL, NULL, '2026-11-11 09:00:00.000020'),
    ('01936000-0000-7000-8000-000000000021', '01936000-0000-7000-8000-000000000010', 'eve@lumen.example', 'user',
     NULL, 'Dana Whitfield', 'dana@lumen.example', '2026-11-03 09:00:00.000021', '2026-11-03 09:00:01.000021',
     '2026-11-10 09:00:00.000021', 'withdrawn', '2026-11-04 09:00:00.000021', NULL);

INSERT INTO invitation_secrets (token_digest, invitation_id, kind, created_at) VALUES
    (X'2222222222222222', '01936000-0000-7000-8000-000000000020', 'mail', '2026-11-03 09:00:00.000022'),
    (X'2323232323232323', '01936000-0000-7000-8000-000000000020', 'link', '2026-11-03 09:00:00.000023');

INSERT INTO api_keys (id, organization_id, name, name_key, masked, secret_digest, created_by, created_at,
    expires_at, deactivated_at, last_used_at)
VALUES
    ('01936000-0000-7000-8000-000000000030', '01936000-0000-7000-8000-000000000010', 'Billing worker',
     'billing worker', 'tess_Bill…rker', X'3030303030303030', 'Dana Whitfield', '2026-11-05 09:00:00.000030',
     '2027-02-05 09:00:00.000030', NULL, '2026-11-20 12:00:00.000030'),
    ('01936000-0000-7000-8000-000000000031', '01936000-0000-7000-8000-000000000010', 'Nightly export',
     'nightly export', 'tess_Nigh…port', X'3131313131313131', 'Dana Whitfield', '2026-11-05 09:00:00.000031',
     NULL, '2026-11-06 09:00:00.000031', NULL);

INSERT INTO master_tokens (id, organization_id, name, name_key, masked, secret_digest, active, created_by,
    created_at, replaced_at, last_used_at)
VALUES
    ('01936000-0000-7000-8000-000000000040', '01936000-0000-7000-8000-000000000010', 'Gateway', 'gateway',
     'tess_m_Gate…eway', X'4040404040404040', TRUE, 'Dana Whitfield', '2026-11-06 09:00:00.000040',
     '2026-11-07 09:00:00.000040', '2026-11-20 13:00:00.000040'),
    ('01936000-0000-7000-8000-000000000041', '01936000-0000-7000-8000-000000000010', 'Old deploy', 'old deploy',
     'tess_m_Oldd…ploy', X'4141414141414141', FALSE, 'Dana Whitfield', '2026-11-06 09:00:00.000041', NULL, NULL);

INSERT INTO audit_events (id, organization_id, actor_kind, actor_id, actor_name, action, subject_id, subject_name,
    detail, ip, created_at)
VALUES
    ('01936000-0000-7000-8000-000000000050', NULL, 'user', '01936000-0000-7000-8000-000000000001', 'Dana Whitfield',
     'account.email_verified', '01936000-0000-7000-8000-000000000001', 'dana@lumen.example', NULL, NULL,
     '2026-11-01 09:05:00.000050'),
    ('01936000-0000-7000-8000-000000000051', '01936000-0000-7000-8000-000000000010', 'user',
     '01936000-0000-7000-8000-000000000001', 'Dana Whitfield', 'api_key.created',
     '01936000-0000-7000-8000-000000000030', 'Billing worker', 'tess_Bill…rker', '203.0.113.51',
     '2026-11-05 09:00:00.000051'),
    ('01936000-0000-7000-8000-000000000052', '01936000-0000-7000-8000-000000000010', 'user',
     '01936000-0000-7000-8000-000000000001', 'Dana Whitfield', 'invitation.withdrawn',
     '01936000-0000-7000-8000-000000000021', 'eve@lumen.example', NULL, '203.0.113.52', '2026-11-04 09:00:00.000052');

INSERT INTO outbox (id, invitation_id, recipient, message, state, attempts, next_attempt_at, last_error, created_at,
    finished_at)
VALUES
    ('01936000-0000-7000-8000-000000000060', '01936000-0000-7000-8000-000000000020', 'mara@lumen.example',
     '{"kind":"invitation","organization":"Lumen Logistics","inviter":"Dana Whitfield","inviter_email":"dana@lumen.example","role":"User","abilities":"see the members of the organization","token":"","expires_at":[2026,314,9,0,0,0]}',
     'failed', 3, '2026-11-03 09:10:00.000060', '550 no such mailbox', '2026-11-03 09:00:00.000060',
     '2026-11-03 09:10:00.000060'),
    ('01936000-0000-7000-8000-000000000061', NULL, 'dana@lumen.example', '{"kind":"account_exists","name":"Dana"}',
     'queued', 0, '2026-11-20 18:00:00.000061', NULL, '2026-11-20 18:00:00.000061', NULL);

INSERT INTO spent_forms (id, spent_at) VALUES
    ('01936000-0000-7000-8000-000000000070', '2026-11-20 18:00:00.000070');

INSERT INTO key_usage (api_key_id, span, begins_at, outcome, requests) VALUES
    ('01936000-0000-7000-8000-000000000030', 'day', '2026-11-19 00:00:00', 'valid', 4711),
    ('01936000-0000-7000-8000-000000000030', 'hour', '2026-11-20 11:00:00', 'expired', 4712);
