-- What a node may spend of a key's monthly quota without asking the others: what it has spent and not yet written, too.
CREATE TABLE quota_portions (
    api_key_id TEXT COLLATE "C" NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    node_id TEXT COLLATE "C" NOT NULL,
    units BIGINT NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    PRIMARY KEY (api_key_id, node_id)
);
CREATE INDEX quota_portions_by_end ON quota_portions (ends_at);
CREATE INDEX quota_portions_by_node ON quota_portions (node_id);

-- The last millisecond that ids were made of: each transaction that writes takes a later one, by one clock for all
-- nodes, so that ids sort in the order of commits. A file has one process, which orders its ids by itself.
CREATE SEQUENCE id_milliseconds AS BIGINT;
