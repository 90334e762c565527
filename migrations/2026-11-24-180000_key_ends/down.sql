ALTER TABLE key_rotations DROP COLUMN old_ends_by;
ALTER TABLE api_keys DROP COLUMN end_chosen_at;
