-- The organization's name as organizations.search_key has it, so that the list of a person's
-- organizations is read a page at a time.

ALTER TABLE memberships ADD COLUMN organization_key TEXT NOT NULL DEFAULT '';
UPDATE memberships SET organization_key = (SELECT search_key FROM organizations WHERE id = organization_id);

DROP TRIGGER memberships_named;
CREATE TRIGGER memberships_named AFTER INSERT ON memberships BEGIN
    UPDATE memberships SET
        member_key = (SELECT search_key FROM users WHERE id = NEW.user_id),
        organization_key = (SELECT search_key FROM organizations WHERE id = NEW.organization_id)
    WHERE organization_id = NEW.organization_id AND user_id = NEW.user_id;
END;
CREATE TRIGGER organizations_renamed AFTER UPDATE OF search_key ON organizations BEGIN
    UPDATE memberships SET organization_key = NEW.search_key WHERE organization_id = NEW.id;
END;

DROP INDEX memberships_by_user;
CREATE INDEX memberships_by_user ON memberships (user_id, organization_key, organization_id);
