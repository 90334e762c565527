UPDATE api_keys SET end_chosen_at = '2026-11-19 09:00:00.000140' WHERE name = 'Billing worker';
UPDATE key_rotations SET old_ends_by = '2026-12-05 09:00:00.000141'
WHERE api_key_id = '01936000-0000-7000-8000-000000000030';
