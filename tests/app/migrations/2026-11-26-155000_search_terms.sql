INSERT INTO search_terms (scope, list, term, row_id) VALUES
    ('01936000-0000-7000-8000-000000000001', 'organization', 'lumen logistics', '01936000-0000-7000-8000-000000000010');
