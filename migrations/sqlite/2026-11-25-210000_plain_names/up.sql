-- The words of the product in its tables, too. A pause is a column of its key.

ALTER TABLE api_keys RENAME COLUMN end_chosen_at TO expiry_set_at;
ALTER TABLE api_keys ADD COLUMN paused_until TIMESTAMP;
UPDATE api_keys SET paused_until =
    (SELECT reactivate_at FROM key_silences WHERE key_silences.api_key_id = api_keys.id);
DROP TABLE key_silences;
CREATE INDEX api_keys_by_pause ON api_keys (paused_until) WHERE paused_until IS NOT NULL;

-- The secret that a key had before, until its grace period is over. grace_period is 'none', '1h',
-- '24h' or '7d'; starts is 'on_first_use' or 'immediately'.
ALTER TABLE key_rotations RENAME COLUMN old_digest TO previous_digest;
ALTER TABLE key_rotations RENAME COLUMN overlap TO grace_period;
ALTER TABLE key_rotations RENAME COLUMN begins TO starts;
ALTER TABLE key_rotations RENAME COLUMN old_last_used_at TO previous_last_used_at;
ALTER TABLE key_rotations RENAME COLUMN old_ends_by TO previous_expires_at;
UPDATE key_rotations SET grace_period =
    CASE grace_period WHEN 'now' THEN 'none' WHEN 'hour' THEN '1h' WHEN 'day' THEN '24h' ELSE '7d' END;
UPDATE key_rotations SET starts = CASE starts WHEN 'at_once' THEN 'immediately' ELSE 'on_first_use' END;

-- access is 'verify', 'read', 'keys', 'members' or 'full'.
ALTER TABLE master_tokens RENAME COLUMN permission TO access;
UPDATE master_tokens SET access = 'full' WHERE access = 'everything';

-- Who used a key, the twenty seen last.
ALTER TABLE key_callers RENAME TO key_clients;

ALTER TABLE refusals RENAME TO rejections;
UPDATE rejections SET code = 'token_rejected' WHERE code = 'token_refused';

ALTER TABLE idempotent_answers RENAME TO idempotent_responses;
ALTER TABLE idempotent_responses RENAME COLUMN answer TO response;

UPDATE invitations SET outcome = 'canceled' WHERE outcome = 'withdrawn';
UPDATE webhook_deliveries SET state = 'pending' WHERE state = 'queued';
UPDATE webhooks SET events = replace(events, 'invitation.withdrawn', 'invitation.canceled');

UPDATE audit_events SET action = 'api_key.paused' WHERE action = 'api_key.silenced';
UPDATE audit_events SET action = 'api_key.resumed' WHERE action = 'api_key.silence_ended';
UPDATE audit_events SET action = 'api_key.previous_secret_revoked' WHERE action = 'api_key.overlap_ended';
UPDATE audit_events SET action = 'invitation.canceled' WHERE action = 'invitation.withdrawn';
