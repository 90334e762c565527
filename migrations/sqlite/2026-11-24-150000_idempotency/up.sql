-- Answers to requests that must be carried out once however often they are sent. owner_id is the
-- master token; answer is sealed with the client's own key, since it may hold a new secret.
CREATE TABLE idempotent_answers (
    owner_id TEXT NOT NULL,
    key_digest BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    answer BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (owner_id, key_digest)
);
CREATE INDEX idempotent_answers_by_age ON idempotent_answers (created_at);
