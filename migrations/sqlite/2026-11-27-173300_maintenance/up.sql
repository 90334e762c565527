-- That nothing is changed for a while but by verification, as whoever runs the instance has said: one row, or none.
CREATE TABLE maintenance (
    id TEXT NOT NULL PRIMARY KEY,
    message TEXT,
    began_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP
);
