DROP INDEX audit_events_by_actor;
DROP TABLE token_usage;
