-- A search is a range of an index: of each row that is searched its texts are here from each start of a
-- word on, folded (src/folding/terms.rs). scope is the organization's id, or the person's for a list of
-- organizations; list says which list of it, row_id which row of that. PostgreSQL compares terms byte by
-- byte, too, once they are TEXT COLLATE "C". src/db/fill_terms.rs fills the table in the same transaction.
CREATE TABLE search_terms (
    scope TEXT NOT NULL,
    list TEXT NOT NULL,
    term TEXT NOT NULL,
    row_id TEXT NOT NULL,
    PRIMARY KEY (scope, list, term, row_id)
) WITHOUT ROWID;

-- Events are neither changed nor removed: nobody looks for the terms of one, and most rows are theirs.
CREATE INDEX search_terms_by_row ON search_terms (row_id, list, scope, term) WHERE list <> 'event';

-- A row loses its terms here, however it is changed or removed; the program writes the new ones.
CREATE TRIGGER api_keys_searched_out AFTER DELETE ON api_keys BEGIN
    DELETE FROM search_terms WHERE row_id = OLD.id AND list = 'key' AND list <> 'event';
END;
CREATE TRIGGER api_keys_searched_anew AFTER UPDATE OF name, masked ON api_keys BEGIN
    DELETE FROM search_terms WHERE row_id = NEW.id AND list = 'key' AND list <> 'event';
END;
CREATE TRIGGER invitations_searched_out AFTER DELETE ON invitations BEGIN
    DELETE FROM search_terms WHERE row_id = OLD.id AND list = 'invitation' AND list <> 'event';
END;
-- Only pending ones are listed.
CREATE TRIGGER invitations_closed AFTER UPDATE OF outcome ON invitations WHEN NEW.outcome IS NOT NULL BEGIN
    DELETE FROM search_terms WHERE row_id = NEW.id AND list = 'invitation' AND list <> 'event';
END;
CREATE TRIGGER memberships_searched_out AFTER DELETE ON memberships BEGIN
    DELETE FROM search_terms
    WHERE row_id = OLD.user_id AND list = 'member' AND scope = OLD.organization_id AND list <> 'event';
    DELETE FROM search_terms
    WHERE row_id = OLD.organization_id AND list = 'organization' AND scope = OLD.user_id AND list <> 'event';
END;
CREATE TRIGGER users_searched_anew AFTER UPDATE OF name, email ON users BEGIN
    DELETE FROM search_terms WHERE row_id = NEW.id AND list = 'member' AND list <> 'event';
END;
CREATE TRIGGER organizations_searched_anew AFTER UPDATE OF name ON organizations BEGIN
    DELETE FROM search_terms WHERE row_id = NEW.id AND list = 'organization' AND list <> 'event';
END;
