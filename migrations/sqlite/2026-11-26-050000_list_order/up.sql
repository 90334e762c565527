-- Lists that grow are read in the order of an index, and never sorted whole.
DROP INDEX IF EXISTS audit_events_by_organization;
CREATE INDEX audit_events_by_organization ON audit_events (organization_id, id, action);
DROP INDEX IF EXISTS audit_events_by_actor;
CREATE INDEX audit_events_by_actor ON audit_events (organization_id, actor_id, id, action);
DROP INDEX IF EXISTS audit_events_by_subject;
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, id, action);

CREATE INDEX api_keys_by_id ON api_keys (organization_id, id);

CREATE INDEX invitations_by_age ON invitations (organization_id, sent_at DESC, email) WHERE outcome IS NULL;
CREATE INDEX invitations_by_id ON invitations (organization_id, id) WHERE outcome IS NULL;
CREATE INDEX invitations_to_address ON invitations (email, sent_at DESC, id) WHERE outcome IS NULL;

DROP INDEX IF EXISTS leak_reports_by_organization;
CREATE INDEX leak_reports_by_organization ON leak_reports (organization_id, reported_at, id);

DROP INDEX IF EXISTS webhook_deliveries_by_webhook;
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook_id, state, created_at, id);
