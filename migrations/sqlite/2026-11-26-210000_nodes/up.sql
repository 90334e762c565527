-- Several processes on one database server: what one does for all of them, and until when it has to be renewed.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    ends_at TIMESTAMP NOT NULL
);

-- What transactions changed that other nodes may have in memory, in the order of commits. A file, which one
-- process has to itself, needs none of it; it has the tables so that both engines have the same.
CREATE TABLE changes (
    number BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    node_id TEXT NOT NULL,
    made_at TIMESTAMP NOT NULL
);
CREATE INDEX changes_by_age ON changes (made_at);

CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    position BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

-- When a node had read how far: the receipts of what was changed.
CREATE TABLE readings (
    node_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    read_at TIMESTAMP NOT NULL,
    PRIMARY KEY (node_id, position)
);
CREATE INDEX readings_by_age ON readings (read_at);
