-- Null is a zone too: it means UTC, as the column says. The CHECK that asks Postgres whether it knows the zone refused
-- it, so that nothing else could be set for a tenant before its zone was.
ALTER TABLE tenant_setting DROP CONSTRAINT tenant_setting_zone_check;
ALTER TABLE tenant_setting ADD CONSTRAINT tenant_setting_zone_known
    CHECK (zone IS NULL OR timestamp '2000-01-01 00:00:00' AT TIME ZONE zone IS NOT NULL) NOT VALID;

-- A literal without a type is of none, even with a collation: of a view with such a column Postgres passes no condition
-- on it down, so that each label was found by reading all names of all lists.
CREATE OR REPLACE VIEW report_name AS
SELECT tenant, list, id, valid_ticks, label, 0 AS rank FROM label
UNION ALL
SELECT head.tenant, built_in.list COLLATE "C", built_in.id, (-9223372036854775808)::bigint,
       built_in.label COLLATE "C", 1
FROM head
CROSS JOIN (VALUES ('slevel', 0::bigint, 'Unknown'), ('slevel', 1, 'Internal'), ('slevel', 2, 'External'),
                   ('status', 0, 'Unknown'), ('status', 1, 'Active'), ('status', 2, 'Closed'),
                   ('status', 3, 'Postponed'), ('status', 4, 'Deleted'), ('status', 5, 'Merged'))
    AS built_in (list, id, label)
UNION ALL
SELECT bridge.tenant, 'owned_by'::text COLLATE "C", bridge.owner, label.valid_ticks, label.label, 2
FROM label_bridge AS bridge
JOIN label ON label.tenant = bridge.tenant AND label.list = 'actor' AND label.id = bridge.actor
UNION ALL
SELECT bridge.tenant, 'actor'::text COLLATE "C", bridge.actor, label.valid_ticks, label.label, 2
FROM label_bridge AS bridge
JOIN label ON label.tenant = bridge.tenant AND label.list = 'owned_by' AND label.id = bridge.owner;

CREATE OR REPLACE VIEW fenced_name AS
SELECT tenant, list, id, valid_ticks, label, 0 AS rank FROM fenced_label AS label
UNION ALL
SELECT head.tenant, built_in.list COLLATE "C", built_in.id, (-9223372036854775808)::bigint,
       built_in.label COLLATE "C", 1
FROM fenced_head AS head
CROSS JOIN (VALUES ('slevel', 0::bigint, 'Unknown'), ('slevel', 1, 'Internal'), ('slevel', 2, 'External'),
                   ('status', 0, 'Unknown'), ('status', 1, 'Active'), ('status', 2, 'Closed'),
                   ('status', 3, 'Postponed'), ('status', 4, 'Deleted'), ('status', 5, 'Merged'))
    AS built_in (list, id, label)
UNION ALL
SELECT bridge.tenant, 'owned_by'::text COLLATE "C", bridge.owner, label.valid_ticks, label.label, 2
FROM fenced_label_bridge AS bridge
JOIN fenced_label AS label ON label.tenant = bridge.tenant AND label.list = 'actor' AND label.id = bridge.actor
UNION ALL
SELECT bridge.tenant, 'actor'::text COLLATE "C", bridge.actor, label.valid_ticks, label.label, 2
FROM fenced_label_bridge AS bridge
JOIN fenced_label AS label ON label.tenant = bridge.tenant AND label.list = 'owned_by' AND label.id = bridge.owner;

-- Comments that had lost an apostrophe.
DO $$
DECLARE
    told record;
BEGIN
    FOR told IN
        SELECT view.relname, part.attname, replace(comment.description, 'the tenants ', 'the tenant''s ') AS text
        FROM pg_description AS comment
        JOIN pg_class AS view ON view.oid = comment.objoid
        JOIN pg_attribute AS part ON part.attrelid = view.oid AND part.attnum = comment.objsubid
        WHERE comment.classoid = 'pg_class'::regclass AND view.relnamespace = 'report'::regnamespace
          AND comment.description LIKE '%the tenants %'
    LOOP
        EXECUTE format('COMMENT ON COLUMN report.%I.%I IS %L', told.relname, told.attname, told.text);
    END LOOP;
END
$$;
