-- Several processes on one database server: which of them is running a request that is to be run once, and until when
-- the others wait for it.
CREATE TABLE idempotency_claims (
    owner_id TEXT NOT NULL,
    key_digest BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    holder TEXT NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    PRIMARY KEY (owner_id, key_digest)
);
CREATE INDEX idempotency_claims_by_end ON idempotency_claims (ends_at);
