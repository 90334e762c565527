-- The part of the product that an event belongs to, as the program has it (src/domain/events/action.rs), so
-- that those of one part are found at once, however many others there are.
ALTER TABLE audit_events ADD COLUMN area TEXT NOT NULL
    GENERATED ALWAYS AS (CASE substr(action, 1, instr(action, '.') - 1)
        WHEN 'invitation' THEN 'members'
        WHEN 'member' THEN 'members'
        WHEN 'api_key' THEN 'api_keys'
        WHEN 'calendar_link' THEN 'api_keys'
        WHEN 'master_token' THEN 'master_tokens'
        WHEN 'webhook' THEN 'webhooks'
        WHEN 'organization' THEN 'organization'
        ELSE '' END) VIRTUAL;
CREATE INDEX audit_events_by_area ON audit_events (organization_id, area, id, action);
