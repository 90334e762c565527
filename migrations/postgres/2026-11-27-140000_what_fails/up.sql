-- What those see who operate the instance: mails that wait or failed, and webhooks that fail. Both are few.
CREATE INDEX outbox_undelivered ON outbox (state, id) WHERE state <> 'sent';
CREATE INDEX webhooks_failing ON webhooks (id) WHERE failing_since IS NOT NULL OR disabled_because IS NOT NULL;
