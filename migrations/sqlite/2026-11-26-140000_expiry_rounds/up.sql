-- The last mail about keys that expire, one organization's. Many keys are noted in portions after it, and
-- whoever is stopped on the way goes on with those left.
CREATE TABLE expiry_rounds (
    organization_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    mailed_at TIMESTAMP NOT NULL,
    is_done BOOLEAN NOT NULL
);
INSERT INTO expiry_rounds (organization_id, mailed_at, is_done)
SELECT organization_id, max(sent_at), TRUE
FROM expiry_notices INNER JOIN api_keys ON api_keys.id = expiry_notices.api_key_id
WHERE days_before > 0
GROUP BY organization_id;
