-- A sentence becomes a word.
UPDATE expected SET value = quote('unreachable') WHERE "column" = 'disabled_because';
