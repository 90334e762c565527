-- What is too old is found by age, whichever key it belongs to.
CREATE INDEX key_usage_by_age ON key_usage (span, begins_at);
