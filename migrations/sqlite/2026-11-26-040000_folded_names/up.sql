-- The form in which names are searched and sorted, beside the name: without case, accents and signs
-- that nobody sees. Letters are folded by the program (src/folding.rs), since no two engines agree on
-- them: src/db/fold_names.rs fills the columns in the same
-- transaction, and name_key of keys and tokens anew.
-- PostgreSQL compares them byte by byte, too, once they are TEXT COLLATE "C".

ALTER TABLE users ADD COLUMN search_key TEXT NOT NULL DEFAULT '';
ALTER TABLE organizations ADD COLUMN search_key TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN search_key TEXT NOT NULL DEFAULT '';

-- Of an event, all that is searched, a line each.
ALTER TABLE audit_events ADD COLUMN search_key TEXT NOT NULL DEFAULT '';

CREATE INDEX api_keys_by_name ON api_keys (organization_id, search_key, id);
