-- permission is 'verify', 'read', 'keys', 'members' or 'everything'. Tokens from before could do everything.
ALTER TABLE master_tokens ADD COLUMN permission TEXT NOT NULL DEFAULT 'everything';
ALTER TABLE master_tokens ADD COLUMN expires_at TIMESTAMP;
ALTER TABLE master_tokens ADD COLUMN last_used_ip TEXT;
