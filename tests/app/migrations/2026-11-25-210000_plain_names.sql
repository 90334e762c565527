UPDATE api_keys SET paused_until = '2026-12-02 09:00:00.000150' WHERE name = 'Nightly export';
