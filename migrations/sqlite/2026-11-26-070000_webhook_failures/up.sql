-- Why a webhook was switched off was a sentence; it is a word now.
UPDATE webhooks
SET disabled_because = CASE WHEN disabled_because LIKE '%410%' THEN 'gone' ELSE 'unreachable' END
WHERE disabled_because IS NOT NULL;
