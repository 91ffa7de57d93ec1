-- A field's name of more than 200 bytes stands with its start and its SHA-256 in what is projected now: one of 2,700
-- was too much for the indexes, and nothing of its tenant could be projected any more. Whoever has rows under such a
-- name, of which a shorter one could be made, is projected anew.
DO $$
DECLARE
    affected text;
BEGIN
    -- From one name to the next in change_by_field, whatever Postgres takes the table for.
    PERFORM set_config('enable_seqscan', 'off', true);
    PERFORM set_config('enable_bitmapscan', 'off', true);
    FOR affected IN
        SELECT tenant FROM projection
        WHERE EXISTS (
            WITH RECURSIVE name AS (
                (SELECT field FROM change WHERE change.tenant = projection.tenant AND NOT noise
                 ORDER BY field LIMIT 1)
                UNION ALL
                SELECT (SELECT field FROM change
                        WHERE change.tenant = projection.tenant AND field > name.field AND NOT noise
                        ORDER BY field LIMIT 1)
                FROM name WHERE name.field IS NOT NULL)
            SELECT FROM name WHERE octet_length(field) > 200)
    LOOP
        DELETE FROM change WHERE tenant = affected;
        DELETE FROM field_interval WHERE tenant = affected;
        DELETE FROM entry WHERE tenant = affected;
        DELETE FROM ticket WHERE tenant = affected;
        DELETE FROM projection WHERE tenant = affected;
    END LOOP;
END
$$;

-- last_changed stands in no index by value (0022), so that to find a value of it took all intervals: one for each that a
-- report showed. The key of a text is the text itself, in its quotes, unless it is cut.
CREATE OR REPLACE FUNCTION report.value_of(of_tenant text, of_field text, of_key text) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN of_key = 'none' THEN NULL WHEN of_key ~ '^-?[0-9]+$' THEN of_key::json
                WHEN of_field = 'last_changed' AND of_key ~ '^".*"$' THEN of_key::json
                ELSE (SELECT span.value::json FROM report.field_interval_all AS span
                      WHERE span.tenant = of_tenant AND span.field = of_field AND span.key = of_key LIMIT 1) END
$$;
