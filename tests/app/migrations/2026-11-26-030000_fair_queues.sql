UPDATE outbox SET organization_id = '01936000-0000-7000-8000-000000000010', quiet_until = '2026-11-20 18:01:00.000061'
WHERE id = '01936000-0000-7000-8000-000000000061';

INSERT INTO budget_uses (id, budget, spender, amount, used_at) VALUES
    ('01936000-0000-7000-8000-0000000000d0', 'invitations_by_organization', '01936000-0000-7000-8000-000000000010',
     12, '2026-11-20 18:00:00.000130');

UPDATE webhooks SET not_before = '2026-11-17 09:10:00.000131';

UPDATE leak_reports SET told_at = '2026-11-13 09:00:01.000132', masked = 'tess_Bill…rker';
