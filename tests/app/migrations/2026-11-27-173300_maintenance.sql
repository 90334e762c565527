INSERT INTO maintenance (id, message, began_at, ends_at) VALUES ('instance', 'We move to a larger server.', '2026-11-27 18:00:00', '2026-11-27 19:00:00');
