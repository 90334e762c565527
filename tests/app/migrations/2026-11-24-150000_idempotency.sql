INSERT INTO idempotent_answers (owner_id, key_digest, fingerprint, answer, created_at) VALUES
    ('01936000-0000-7000-8000-000000000040', X'D0D0D0D0D0D0D0D0', X'D1D1D1D1D1D1D1D1', X'D2D2D2D2D2D2D2D2',
     '2026-11-18 09:00:00.000130');
