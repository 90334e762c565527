-- What a list is sorted or counted by stands where an index finds it, so that the last page of a long
-- list costs what the first page of a short one does.

ALTER TABLE organizations ADD COLUMN member_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organizations ADD COLUMN api_key_count BIGINT NOT NULL DEFAULT 0;
UPDATE organizations SET
    member_count = (SELECT count(*) FROM memberships WHERE organization_id = organizations.id),
    api_key_count = (SELECT count(*) FROM api_keys WHERE organization_id = organizations.id);

CREATE TRIGGER memberships_count_in AFTER INSERT ON memberships BEGIN
    UPDATE organizations SET member_count = member_count + 1 WHERE id = NEW.organization_id;
END;
CREATE TRIGGER memberships_count_out AFTER DELETE ON memberships BEGIN
    UPDATE organizations SET member_count = member_count - 1 WHERE id = OLD.organization_id;
END;
CREATE TRIGGER api_keys_count_in AFTER INSERT ON api_keys BEGIN
    UPDATE organizations SET api_key_count = api_key_count + 1 WHERE id = NEW.organization_id;
END;
CREATE TRIGGER api_keys_count_out AFTER DELETE ON api_keys BEGIN
    UPDATE organizations SET api_key_count = api_key_count - 1 WHERE id = OLD.organization_id;
END;

-- The member's name as users.search_key has it.
ALTER TABLE memberships ADD COLUMN member_key TEXT NOT NULL DEFAULT '';
UPDATE memberships SET member_key = (SELECT search_key FROM users WHERE id = user_id);
CREATE TRIGGER memberships_named AFTER INSERT ON memberships BEGIN
    UPDATE memberships SET member_key = (SELECT search_key FROM users WHERE id = NEW.user_id)
    WHERE organization_id = NEW.organization_id AND user_id = NEW.user_id;
END;
CREATE TRIGGER users_renamed AFTER UPDATE OF search_key ON users BEGIN
    UPDATE memberships SET member_key = NEW.search_key WHERE user_id = NEW.id;
END;
CREATE INDEX memberships_by_name ON memberships (organization_id, member_key, user_id);
CREATE INDEX memberships_by_age ON memberships (organization_id, joined_at, user_id);

-- Keys without an expiration expire last, and those that were never used were used first.
ALTER TABLE api_keys ADD COLUMN expires_order TEXT NOT NULL
    GENERATED ALWAYS AS (coalesce(expires_at, '9999-12-31 23:59:59')) VIRTUAL;
ALTER TABLE api_keys ADD COLUMN last_used_order TEXT NOT NULL
    GENERATED ALWAYS AS (coalesce(last_used_at, '0001-01-01 00:00:00')) VIRTUAL;
CREATE INDEX api_keys_by_expiration ON api_keys (organization_id, expires_order, id);
CREATE INDEX api_keys_by_last_use ON api_keys (organization_id, last_used_order, id);
CREATE INDEX api_keys_unused ON api_keys (organization_id, id) WHERE last_used_at IS NULL;
CREATE INDEX api_keys_deactivated ON api_keys (organization_id, id) WHERE deactivated_at IS NOT NULL;

CREATE INDEX audit_events_by_time ON audit_events (organization_id, created_at, id);

-- What housekeeping takes in portions.
DROP INDEX api_keys_by_end;
CREATE INDEX api_keys_by_end ON api_keys (expires_at, id);
DROP INDEX api_keys_by_pause;
CREATE INDEX api_keys_by_pause ON api_keys (paused_until, id) WHERE paused_until IS NOT NULL;
