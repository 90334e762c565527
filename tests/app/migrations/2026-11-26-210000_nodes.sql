INSERT INTO leases (name, holder, ends_at) VALUES ('duty', '01936000-0000-7000-8000-00000000a001', '2026-11-26 20:00:00');
INSERT INTO changes (number, kind, subject, node_id, made_at) VALUES (1, 'secret', '00ff', '01936000-0000-7000-8000-00000000a001', '2026-11-26 20:00:00');
INSERT INTO nodes (id, name, version, position, started_at, seen_at) VALUES
    ('01936000-0000-7000-8000-00000000a001', 'keys-1:8080', '0.1.0', 1, '2026-11-26 20:00:00', '2026-11-26 20:00:01');
INSERT INTO readings (node_id, position, read_at) VALUES ('01936000-0000-7000-8000-00000000a001', 1, '2026-11-26 20:00:00.1');
