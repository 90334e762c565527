-- The old words of before, and what stands there after.
UPDATE expected SET value = quote('none') WHERE "column" = 'overlap' AND value = quote('now');
UPDATE expected SET value = quote('1h') WHERE "column" = 'overlap' AND value = quote('hour');
UPDATE expected SET value = quote('24h') WHERE "column" = 'overlap' AND value = quote('day');
UPDATE expected SET value = quote('7d') WHERE "column" = 'overlap' AND value = quote('week');
UPDATE expected SET value = quote('immediately') WHERE value = quote('at_once');
UPDATE expected SET value = quote('on_first_use') WHERE value = quote('first_use');
UPDATE expected SET value = quote('full') WHERE value = quote('everything');
UPDATE expected SET value = quote('token_rejected') WHERE value = quote('token_refused');
UPDATE expected SET value = quote('canceled') WHERE value = quote('withdrawn');
UPDATE expected SET value = quote('pending') WHERE "table" = 'webhook_deliveries' AND value = quote('queued');
UPDATE expected SET value = quote('api_key.created invitation.canceled') WHERE "column" = 'events';
UPDATE expected SET value = quote('api_key.paused') WHERE value = quote('api_key.silenced');
UPDATE expected SET value = quote('api_key.resumed') WHERE value = quote('api_key.silence_ended');
UPDATE expected SET value = quote('api_key.previous_secret_revoked') WHERE value = quote('api_key.overlap_ended');
UPDATE expected SET value = quote('invitation.canceled') WHERE value = quote('invitation.withdrawn');
