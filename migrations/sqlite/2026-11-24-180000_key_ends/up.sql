-- Since when a key has its present end; NULL for the one that it was created with.
ALTER TABLE api_keys ADD COLUMN end_chosen_at TIMESTAMP;
-- The end that the key had before a rotation gave it a later one. The old secret ends there at the latest.
ALTER TABLE key_rotations ADD COLUMN old_ends_by TIMESTAMP;
