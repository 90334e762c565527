-- Who operates the instance, whatever they are in its organizations.
CREATE TABLE instance_administrators (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    since TIMESTAMP NOT NULL,
    appointed_by TEXT COLLATE "C" NOT NULL
);

-- The link that a server printed when it started and there was no instance administrator yet.
CREATE TABLE setup_links (
    node TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_digest BYTEA NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL
);

-- Since when somebody cannot log in.
ALTER TABLE users ADD COLUMN deactivated_at TIMESTAMP;

-- The lists of all people and all organizations, in each order that can be chosen.
CREATE INDEX users_by_name ON users (search_key, id);
CREATE INDEX organizations_by_name ON organizations (search_key, id);
CREATE INDEX organizations_by_members ON organizations (member_count, id);
CREATE INDEX organizations_by_keys ON organizations (api_key_count, id);

-- What was done to the instance, among all events that belong to no organization.
CREATE INDEX audit_events_of_instance ON audit_events (id) WHERE substr(action, 1, 9) = 'instance.';

-- These lists are searched, too: their scope is 'instance'. src/db/fill_terms.rs fills them in the same transaction.
CREATE OR REPLACE FUNCTION users_searched_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms WHERE row_id = NEW.id AND list IN ('member', 'person') AND list <> 'event';
    RETURN NULL;
END $$;
CREATE FUNCTION users_searched_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms WHERE row_id = OLD.id AND list = 'person' AND list <> 'event';
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION organizations_searched_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms
    WHERE row_id = NEW.id AND list IN ('organization', 'any_organization') AND list <> 'event';
    RETURN NULL;
END $$;
CREATE FUNCTION organizations_searched_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_terms WHERE row_id = OLD.id AND list = 'any_organization' AND list <> 'event';
    RETURN NULL;
END $$;
CREATE TRIGGER users_searched_out AFTER DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION users_searched_out();
CREATE TRIGGER organizations_searched_out AFTER DELETE ON organizations
    FOR EACH ROW EXECUTE FUNCTION organizations_searched_out();
