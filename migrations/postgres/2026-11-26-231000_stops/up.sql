-- Of an event that ended a secret: on which nodes and when that was heard of, as JSON; NULL until it was on all.
CREATE TABLE stops (
    event_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES audit_events (id) ON DELETE CASCADE,
    spread TEXT COLLATE "C"
);
CREATE INDEX stops_that_wait ON stops (event_id) WHERE spread IS NULL;

-- The number of the change that such an event brought.
CREATE INDEX changes_of_stops ON changes (subject) WHERE kind = 'stop';
