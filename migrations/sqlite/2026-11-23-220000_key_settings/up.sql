-- Scopes and networks are separated by spaces; rate_limit reads "100/minute"; metadata is JSON.
ALTER TABLE api_keys ADD COLUMN description TEXT;
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN rate_limit TEXT;
ALTER TABLE api_keys ADD COLUMN monthly_quota BIGINT;
ALTER TABLE api_keys ADD COLUMN metadata TEXT;

-- What accepted requests cost in all; a request costs 1 unless its verifier says otherwise.
ALTER TABLE key_usage ADD COLUMN units BIGINT NOT NULL DEFAULT 0;
UPDATE key_usage SET units = requests WHERE outcome = 'valid';
