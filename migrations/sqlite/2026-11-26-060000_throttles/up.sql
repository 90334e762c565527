-- Failures at passwords, sign-ups and passwords weighed. A bucket is a kind and some bits of a keyed
-- digest, so that the table stays small whatever strangers send, and no address stands in it.
-- Both instants are milliseconds since 1970: when the count is empty again, and when the row goes.
CREATE TABLE throttles (
    bucket INTEGER NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    counted_until BIGINT NOT NULL,
    forget_at BIGINT NOT NULL
);
CREATE INDEX throttles_by_end ON throttles (forget_at);
