-- Several processes on one database server: what one does for all of them, and until when it has to be renewed.
CREATE TABLE leases (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    ends_at TIMESTAMP NOT NULL
);

-- What transactions changed that other nodes may have in memory, in the order of commits.
CREATE TABLE changes (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    node_id TEXT COLLATE "C" NOT NULL,
    made_at TIMESTAMP NOT NULL
);
CREATE INDEX changes_by_age ON changes (made_at);

CREATE TABLE nodes (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

-- When a node had read how far: the receipts of what was changed.
CREATE TABLE readings (
    node_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    read_at TIMESTAMP NOT NULL,
    PRIMARY KEY (node_id, position)
);
CREATE INDEX readings_by_age ON readings (read_at);
