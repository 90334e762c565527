-- Since when an organization is suspended, and why.
ALTER TABLE organizations ADD COLUMN suspended_at TIMESTAMP;
ALTER TABLE organizations ADD COLUMN suspension_reason TEXT COLLATE "C";

-- The suspended ones among all organizations. They are few, so each order of the list is made of them.
CREATE INDEX organizations_suspended ON organizations (search_key, id) WHERE suspended_at IS NOT NULL;
