-- Mails and messages to webhooks are fair queues: what somebody waits for at the screen comes first,
-- and organizations take turns.

-- Whom a mail is sent for, null where it is about an account; class is 'awaited', 'invitation' or
-- 'notice'. No further mail but a notice goes to the same address before quiet_until.
ALTER TABLE outbox ADD COLUMN organization_id TEXT;
ALTER TABLE outbox ADD COLUMN class TEXT NOT NULL DEFAULT 'notice';
ALTER TABLE outbox ADD COLUMN quiet_until TIMESTAMP;
UPDATE outbox SET organization_id =
    (SELECT invitations.organization_id FROM invitations WHERE invitations.id = outbox.invitation_id);
UPDATE outbox SET class = 'invitation' WHERE message LIKE '{"kind":"invitation"%';
UPDATE outbox SET class = 'awaited' WHERE message LIKE '{"kind":"verify_address"%'
    OR message LIKE '{"kind":"account_exists"%' OR message LIKE '{"kind":"reset_password"%';
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (state, class, organization_id, next_attempt_at);
CREATE INDEX outbox_quiet ON outbox (quiet_until) WHERE quiet_until IS NOT NULL;
CREATE INDEX outbox_by_recipient ON outbox (recipient, state);

-- What was spent of a budget, kept apart from what was made with it: whoever removes that gets
-- nothing back. spender is an id, or the digest of an address.
CREATE TABLE budget_uses (
    id TEXT NOT NULL PRIMARY KEY,
    budget TEXT NOT NULL,
    spender TEXT NOT NULL,
    amount BIGINT NOT NULL,
    used_at TIMESTAMP NOT NULL
);
CREATE INDEX budget_uses_by_spender ON budget_uses (spender, used_at);
CREATE INDEX budget_uses_by_age ON budget_uses (used_at);

-- Until when a receiver asked to be left alone.
ALTER TABLE webhooks ADD COLUMN not_before TIMESTAMP;
DROP INDEX webhook_deliveries_due;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, state, next_attempt_at);

-- When the administrators were told of a report, null while it waits to be told with others; and the
-- secret, masked.
ALTER TABLE leak_reports ADD COLUMN told_at TIMESTAMP;
ALTER TABLE leak_reports ADD COLUMN masked TEXT;
UPDATE leak_reports SET told_at = reported_at;
CREATE INDEX leak_reports_untold ON leak_reports (secret_digest) WHERE told_at IS NULL;
