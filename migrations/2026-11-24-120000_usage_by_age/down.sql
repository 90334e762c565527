DROP INDEX key_usage_by_age;
