DROP TABLE calendar_links;
DROP INDEX api_keys_by_end;
DROP TABLE expiry_notices;
DROP TABLE key_silences;
DROP TABLE key_callers;
