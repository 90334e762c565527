-- Keys are found by all that their rows show, and by a previous secret while it works; members by their role, too.
ALTER TABLE key_rotations ADD COLUMN previous_masked TEXT;

-- src/db/fill_terms.rs writes these anew in the same transaction.
DELETE FROM search_terms WHERE list IN ('key', 'member');
