ALTER TABLE master_tokens DROP COLUMN last_used_ip;
ALTER TABLE master_tokens DROP COLUMN expires_at;
ALTER TABLE master_tokens DROP COLUMN permission;
