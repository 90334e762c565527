DROP TABLE leak_reports;
ALTER TABLE organizations DROP COLUMN leak_policy;
