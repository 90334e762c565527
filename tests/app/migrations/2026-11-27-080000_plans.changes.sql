-- What a node may spend without asking is asked for again.
DELETE FROM expected WHERE "table" = 'quota_portions';
