INSERT INTO imported_keys (api_key_id, source, imported_at, scheme, look_up, verifier, stand_in) VALUES
    ('01936000-0000-7000-8000-000000000030', 'drf', '2026-11-27 11:00:00.000030', 'django', X'4162336445663768',
     'pbkdf2_sha256$600000$salt$aGFzaA==', X'3030303030303031'),
    ('01936000-0000-7000-8000-000000000031', 'unkey', '2026-11-27 11:00:00.000031', 'sha256', X'3131313131313131', NULL, NULL);
