-- What an event tells beside its subject is kept as facts, in JSON, and put into words where it is
-- shown. search_text is what a search looks through: the values among the facts. Of an event from
-- before it is the English that was all there was; details is NULL there.
ALTER TABLE audit_events RENAME COLUMN detail TO search_text;
ALTER TABLE audit_events ADD COLUMN details TEXT;

-- The masked form of a key, which "Troubleshoot a request" looks for among the removed ones, stood in
-- that column alone. It is a fact already, and nothing in it needs an escape.
UPDATE audit_events SET details = '{"type":"key","masked":"' || search_text || '"}'
WHERE substr(action, 1, 8) = 'api_key.' AND search_text GLOB 'tess_????…????';
