-- Schema report: the log and its projections as views for people who write SQL. Their columns are a promise: views
-- and columns are added, none is renamed, retyped or taken away.
--
-- The fence. Everybody may read the views, and sees the rows of the tenants that report_reader gives to
-- session_user, the role that logged in, which no SET ROLE and no setting changes: for a role without any there
-- are none. The views are security barriers, so that no function of a reader's own sees a row before the fence
-- has let it pass. Nothing in a view can fail on a value, for an error would tell the value.
CREATE TABLE report_reader (
    role   name NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, tenant)
);
COMMENT ON TABLE report_reader IS 'Which roles of this database read which tenants in the schema report.';

-- Whoever may read the tables themselves, as the service, sees all tenants.
CREATE VIEW report_fence AS
SELECT tenant FROM report_reader WHERE role = session_user
UNION ALL
SELECT tenant FROM head
WHERE pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'event'::regclass), 'MEMBER');
COMMENT ON VIEW report_fence IS 'The tenants that whoever is logged in may see in the schema report.';

-- Everything that names an id, as domain::label has it: own labels before those built in before those lent by
-- the same person in the other list.
CREATE VIEW report_name AS
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
SELECT bridge.tenant, 'owned_by' COLLATE "C", bridge.owner, label.valid_ticks, label.label, 2
FROM label_bridge AS bridge
JOIN label ON label.tenant = bridge.tenant AND label.list = 'actor' AND label.id = bridge.actor
UNION ALL
SELECT bridge.tenant, 'actor' COLLATE "C", bridge.actor, label.valid_ticks, label.label, 2
FROM label_bridge AS bridge
JOIN label ON label.tenant = bridge.tenant AND label.list = 'owned_by' AND label.id = bridge.owner;
COMMENT ON VIEW report_name IS
    'All names of ids; the one that holds at an instant is the first by rank, then the latest, of those valid by then.';

CREATE SCHEMA report;
COMMENT ON SCHEMA report IS
    'Histories of tickets for SQL. Columns are only ever added. Each row says its tenant; you see those you were given.';

-- Inlined into queries, so that they cost no call.
CREATE FUNCTION report.at(ticks bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (timestamp '1970-01-01 00:00:00'
        + ((ticks - ((ticks % 864000000000) + 864000000000) % 864000000000) / 864000000000)::integer
          * interval '1 day'
        + ((((ticks % 864000000000) + 864000000000) % 864000000000) / 10) * interval '1 microsecond')
       AT TIME ZONE 'UTC';
COMMENT ON FUNCTION report.at IS
    'The instant of so many ticks of 100 ns since 1970, cut to the microsecond that a timestamptz keeps.';

CREATE FUNCTION report.ticks(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM at) * 10000000)::bigint;
COMMENT ON FUNCTION report.ticks(timestamptz) IS
    'An instant in ticks of 100 ns since 1970, as the columns that end in ticks hold them: the fast way to ask for a time.';

CREATE FUNCTION report.ticks(at text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN report.ticks(regexp_replace(NULLIF(at, ''), '(\.\d{6})\d+', '\1')::timestamptz)
       + CASE WHEN at ~ '\.\d{7}' THEN substring(at FROM '\.\d{6}(\d)')::bigint ELSE 0 END;
COMMENT ON FUNCTION report.ticks(text) IS
    'The same of a text, to its seventh digit, which a timestamptz would round away; null of an empty one.';

CREATE FUNCTION report.id(key text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN key ~ '^-?[0-9]{1,18}$' THEN key::bigint END;
COMMENT ON FUNCTION report.id IS 'The integer that a value is in normal form; null if it is none. Never fails.';

CREATE FUNCTION report.bookkeeping(field text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN field IN ('id', 'last_changed') OR starts_with(field, 'read_') OR starts_with(field, 'first_read_')
       OR starts_with(field, 'time_spent_') OR starts_with(field, 'real_time_') OR starts_with(field, 'dbi_');
COMMENT ON FUNCTION report.bookkeeping IS
    'True for the fields by which the sender keeps its own books: all that happens to them is noise.';

-- Business hours. A calendar is three arrays of the same length: when each stretch of work begins and ends, in
-- ticks, and how much work was before it. Made of local times day by day, so that a day on which the clocks change
-- has the hours that it has.
CREATE FUNCTION report.calendar(hours text, holidays text, zone text, since_ticks bigint, until_ticks bigint,
                                OUT opens bigint[], OUT closes bigint[], OUT before bigint[])
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH rule AS (
        SELECT array_position(days, lower(part[1])) AS first,
               array_position(days, lower(COALESCE(part[2], part[1]))) AS last,
               part[3]::time AS opens, part[4]::time AS closes
        FROM regexp_matches(hours, '(\w{3})(?:\s*-\s*(\w{3}))?\s+(\d\d:\d\d)\s*-\s*(\d\d:\d\d)', 'g') AS part,
             (SELECT ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']) AS week (days)
    ), day AS (
        SELECT (at::date) AS day
        FROM generate_series(date_trunc('day', report.at(since_ticks) AT TIME ZONE zone),
                             report.at(until_ticks) AT TIME ZONE zone, interval '1 day') AS at
        WHERE hours <> '' AND NOT at::date::text = ANY (regexp_split_to_array(trim(holidays), '[\s,]+'))
    ), stretch AS (
        SELECT since_ticks AS opens, until_ticks AS closes WHERE hours = ''
        UNION ALL
        SELECT report.ticks((day.day + rule.opens) AT TIME ZONE zone),
               report.ticks((day.day + rule.closes) AT TIME ZONE zone)
        FROM day JOIN rule
            ON CASE WHEN rule.first <= rule.last
                    THEN extract(isodow FROM day.day) BETWEEN rule.first AND rule.last
                    ELSE extract(isodow FROM day.day) >= rule.first OR extract(isodow FROM day.day) <= rule.last
               END
    ), summed AS (
        SELECT stretch.opens, stretch.closes,
               sum(stretch.closes - stretch.opens) OVER (ORDER BY stretch.opens) - (stretch.closes - stretch.opens) AS before
        FROM stretch WHERE stretch.closes > stretch.opens
    )
    SELECT COALESCE(array_agg(summed.opens ORDER BY summed.opens), '{}'),
           COALESCE(array_agg(summed.closes ORDER BY summed.opens), '{}'),
           COALESCE(array_agg(summed.before::bigint ORDER BY summed.opens), '{}')
    FROM summed
$$;
COMMENT ON FUNCTION report.calendar IS
    'A calendar from hours like "Mon-Fri 08:00-16:00, Sat 10:00-14:00" (without any: all the time), holidays like "2025-05-17, 2025-12-25" and a zone, from one instant to another.';

CREATE FUNCTION report.worked(ticks bigint, opens bigint[], closes bigint[], before bigint[])
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(before[width_bucket(ticks, opens)]
                + LEAST(ticks, closes[width_bucket(ticks, opens)]) - opens[width_bucket(ticks, opens)], 0);
COMMENT ON FUNCTION report.worked IS
    'How much work a calendar has from its beginning up to an instant, in ticks: the difference of two is what lies between.';

-- Local times are asked of Postgres, which must know the zone: else a view would fail.
ALTER TABLE tenant_setting ADD CHECK (timestamp '2000-01-01 00:00:00' AT TIME ZONE zone IS NOT NULL) NOT VALID;

CREATE VIEW report.label WITH (security_barrier) AS
SELECT name.tenant, name.list, name.id, name.label,
       CASE WHEN name.valid_ticks > -9223372036854775808 THEN report.at(name.valid_ticks) END AS valid_from,
       name.valid_ticks, name.rank
FROM public.report_name AS name
WHERE name.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE VIEW report.change_all WITH (security_barrier) AS
SELECT change.tenant, change.ticket, change.event_id, change.position, change.nth,
       report.at(change.ticks) AS occurred_at,
       report.at(change.ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS occurred_local,
       change.actor AS actor_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = 'actor' AND id = change.actor AND valid_ticks <= change.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = 'actor' AND id = change.actor
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor_now,
       change.field, change.kind, change.declared,
       change.from_value, report.id(change.from_key) AS from_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.from_key)
          AND valid_ticks <= change.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS from_label,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.from_key)
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS from_label_now,
       change.to_value, report.id(change.to_key) AS to_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.to_key)
          AND valid_ticks <= change.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS to_label,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.to_key)
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS to_label_now,
       change.from_key, change.to_key, change.ticks AS occurred_ticks, change.noise
FROM public.change
LEFT JOIN public.tenant_setting AS setting ON setting.tenant = change.tenant
WHERE change.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE VIEW report.change WITH (security_barrier) AS SELECT * FROM report.change_all WHERE NOT noise;

CREATE VIEW report.field_interval_all WITH (security_barrier) AS
SELECT span.tenant, span.ticket, span.field, span.value, report.id(span.key) AS value_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = span.tenant AND list = span.field AND id = report.id(span.key)
          AND valid_ticks <= span.from_ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS label,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = span.tenant AND list = span.field AND id = report.id(span.key)
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS label_now,
       report.at(span.from_ticks) AS from_at, report.at(span.until_ticks) AS until_at,
       report.at(span.from_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS from_local,
       report.at(span.until_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS until_local,
       (span.until_ticks - span.from_ticks) / 1e7::double precision AS seconds,
       span.until_ticks IS NULL AS open,
       span.from_event AS from_event_id,
       (SELECT position FROM public.entry
        WHERE entry.tenant = span.tenant AND entry.ticket = span.ticket AND entry.event_id = span.from_event)
           AS from_position,
       span.until_event AS until_event_id,
       (SELECT position FROM public.entry
        WHERE entry.tenant = span.tenant AND entry.ticket = span.ticket AND entry.event_id = span.until_event)
           AS until_position,
       span.key, span.from_ticks, span.until_ticks,
       report.bookkeeping(span.field) AS noise
FROM public.field_interval AS span
LEFT JOIN public.tenant_setting AS setting ON setting.tenant = span.tenant
WHERE length(span.field) >= 0 AND span.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE VIEW report.field_interval WITH (security_barrier) AS SELECT * FROM report.field_interval_all WHERE NOT noise;

-- A ticket as it is now. Each field is a look-up of its own, made only if the column is asked for.
CREATE VIEW report.ticket WITH (security_barrier) AS
SELECT ticket.tenant, ticket.ticket, ticket.events, ticket.undated,
       report.at(ticket.first_ticks) AS first_at, report.at(ticket.last_ticks) AS last_at,
       report.at(ticket.first_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS first_local,
       report.at(ticket.last_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS last_local,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'category' AND until_event IS NULL)
           AS category,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'category' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'category' AND until_event IS NULL)
           AS category_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'connect_id' AND until_event IS NULL)
           AS connect_id,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'contact_id' AND until_event IS NULL)
           AS contact_id,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'cust_id' AND until_event IS NULL)
           AS cust_id,
       (SELECT report.id(key) <> 0 FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'has_attachment' AND until_event IS NULL)
           AS has_attachment,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'owned_by' AND until_event IS NULL)
           AS owned_by,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'owned_by' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'owned_by' AND until_event IS NULL)
           AS owned_by_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'priority' AND until_event IS NULL)
           AS priority,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'priority' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'priority' AND until_event IS NULL)
           AS priority_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'project_id' AND until_event IS NULL)
           AS project_id,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'project_id' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'project_id' AND until_event IS NULL)
           AS project_id_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'sale_id' AND until_event IS NULL)
           AS sale_id,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'slevel' AND until_event IS NULL)
           AS slevel,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'slevel' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'slevel' AND until_event IS NULL)
           AS slevel_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'status' AND until_event IS NULL)
           AS status,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'status' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'status' AND until_event IS NULL)
           AS status_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_status' AND until_event IS NULL)
           AS ticket_status,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'ticket_status' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_status' AND until_event IS NULL)
           AS ticket_status_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_type' AND until_event IS NULL)
           AS ticket_type,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'ticket_type' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_type' AND until_event IS NULL)
           AS ticket_type_label,
       ticket.consistent, ticket.unproven, ticket.suspect,
       (SELECT event_id FROM public.entry
        WHERE entry.tenant = ticket.tenant AND entry.ticket = ticket.ticket AND repeats IS NULL
        ORDER BY ticks DESC, creates, event_id DESC LIMIT 1) AS last_event_id,
       (SELECT position FROM public.entry
        WHERE entry.tenant = ticket.tenant AND entry.ticket = ticket.ticket AND repeats IS NULL
        ORDER BY ticks DESC, creates, event_id DESC LIMIT 1) AS last_position,
       ticket.first_ticks, ticket.last_ticks
FROM public.ticket
LEFT JOIN public.tenant_setting AS setting ON setting.tenant = ticket.tenant
WHERE ticket.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

-- One row an event of the log, with its place in its ticket's history where it has one.
CREATE VIEW report.event WITH (security_barrier) AS
SELECT event.tenant, event.position, event.event_id, event.name AS event, event.entity, event.primary_key,
       event.ticket, report.at(event.occurred_ticks) AS occurred_at,
       report.at(event.occurred_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS occurred_local,
       event.occurred_text, event.received_at, event.stored_at,
       event.actor AS actor_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = event.tenant AND list = 'actor' AND id = event.actor
          AND valid_ticks <= event.occurred_ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = event.tenant AND list = 'actor' AND id = event.actor
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor_now,
       event.origin, event.hook, event.source, event.webhook_name, event.body, event.body_sha256,
       entry.lifecycle, entry.repeats, entry.confidence AS completeness, entry.reasons,
       event.occurred_ticks
FROM public.event
LEFT JOIN public.entry
    ON entry.tenant = event.tenant AND entry.ticket = event.ticket AND entry.event_id = event.event_id
LEFT JOIN public.tenant_setting AS setting ON setting.tenant = event.tenant
WHERE event.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

-- The same without what is only in the log: reports read it, for it is a tenth as large.
CREATE VIEW report.entry WITH (security_barrier) AS
SELECT entry.tenant, entry.ticket, entry.event_id, entry.position,
       report.at(entry.ticks) AS occurred_at,
       report.at(entry.ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS occurred_local,
       entry.creates, entry.actor AS actor_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = entry.tenant AND list = 'actor' AND id = entry.actor AND valid_ticks <= entry.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = entry.tenant AND list = 'actor' AND id = entry.actor
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor_now,
       entry.lifecycle, entry.repeats, entry.confidence AS completeness, entry.reasons,
       entry.ticks AS occurred_ticks
FROM public.entry
LEFT JOIN public.tenant_setting AS setting ON setting.tenant = entry.tenant
WHERE entry.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

-- One row an interval between two consecutive events of a ticket, and one from before its first. Of the open one
-- after the last, what can be said changes without an event: that is in the answers of the service.
CREATE VIEW report.completeness WITH (security_barrier) AS
SELECT entry.tenant, entry.ticket, entry.confidence AS state, entry.reasons,
       report.at(entry.after_ticks) AS from_at, report.at(entry.ticks) AS until_at,
       report.at(entry.after_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS from_local,
       report.at(entry.ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS until_local,
       entry.event_id, entry.position, entry.after_ticks AS from_ticks, entry.ticks AS until_ticks
FROM public.entry
LEFT JOIN public.tenant_setting AS setting ON setting.tenant = entry.tenant
WHERE entry.repeats IS NULL AND entry.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

-- One row a tenant.
CREATE VIEW report.tenant WITH (security_barrier) AS
SELECT head.tenant, head.position AS head, COALESCE(projection.position, 0) AS projected,
       COALESCE(setting.zone, 'UTC') AS zone,
       COALESCE(projection.tickets, 0) AS tickets, COALESCE(projection.undated, 0) AS undated,
       report.at(projection.first_ticks) AS first_at, report.at(projection.last_ticks) AS last_at,
       projection.first_ticks, projection.last_ticks
FROM public.head
LEFT JOIN public.projection ON projection.tenant = head.tenant
LEFT JOIN public.tenant_setting AS setting ON setting.tenant = head.tenant
WHERE head.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

-- What reports share. Written so that Postgres puts them into the query that uses them.
CREATE FUNCTION report.group_list(group_by text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE group_by WHEN 'team' THEN 'project_id' WHEN 'owner' THEN 'owned_by' WHEN 'type' THEN 'ticket_type'
                     ELSE group_by END;
COMMENT ON FUNCTION report.group_list IS 'The list whose labels name groups of tickets.';

CREATE FUNCTION report.ticket_group(of_tenant text, group_by text, zone text)
RETURNS TABLE (ticket bigint, key text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ticket.ticket,
           CASE WHEN group_by <> 'month' THEN report.id(now.key)::text
                WHEN zone = '' THEN to_char(ticket.first_local, 'YYYY-MM')
                ELSE to_char(ticket.first_at AT TIME ZONE NULLIF(zone, ''), 'YYYY-MM') END
    FROM report.ticket AS ticket
    -- All of the field at once, from an index alone: the columns of report.ticket are a look-up each.
    LEFT JOIN report.field_interval_all AS now
        ON now.tenant = of_tenant AND now.field = report.group_list(group_by) AND now.until_ticks IS NULL
       AND now.ticket = ticket.ticket
    WHERE ticket.tenant = of_tenant
$$;
COMMENT ON FUNCTION report.ticket_group IS
    'The group of each ticket of a tenant: what it holds now, or the month of its first event in a zone (without one, the tenant''s); null for none.';

CREATE FUNCTION report.label_now(of_tenant text, of_list text, of_id bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT label.label FROM report.label
    WHERE label.tenant = of_tenant AND label.list = of_list AND label.id = of_id
    ORDER BY label.rank, label.valid_ticks DESC LIMIT 1
$$;
COMMENT ON FUNCTION report.label_now IS 'The label that an id has now. A look-up: ask for it after you have grouped.';

CREATE FUNCTION report.value(key text, value text) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN key = 'none' OR value IS NULL THEN NULL
            WHEN key ~ '^-?[0-9]+$' THEN key::json ELSE value::json END;
COMMENT ON FUNCTION report.value IS
    'A value as reports show it: null for a none-value, the integer for what is one, else the JSON as sent.';

CREATE FUNCTION report.percentile_names(percentiles text, seconds double precision[]) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT json_object_agg('p' || share, seconds[nth])
    FROM unnest(string_to_array(percentiles, ',')) WITH ORDINALITY AS asked (share, nth)
$$;
COMMENT ON FUNCTION report.percentile_names IS 'Percentiles by name: {"p90": 12.5} from "90" and {12.5}.';

-- Where a time begins and ends, so that the views let the question through to an index: COALESCE they do not, for
-- Postgres does not count it among what leaks nothing.
CREATE FUNCTION report.since(instant text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN instant = '' THEN -9223372036854775808 ELSE report.ticks(instant) END;
COMMENT ON FUNCTION report.since IS 'The ticks of an instant; less than all if none is given.';

CREATE FUNCTION report.until(instant text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN instant = '' THEN 9223372036854775807 ELSE report.ticks(instant) END;
COMMENT ON FUNCTION report.until IS 'The ticks of an instant; more than all if none is given.';

CREATE FUNCTION report.until_now(instant text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN instant = '' THEN report.ticks(now()) ELSE report.ticks(instant) END;
COMMENT ON FUNCTION report.until_now IS 'The ticks of an instant; of now if none is given.';

CREATE FUNCTION report.months(of_tenant text, zone text, OUT opens bigint[], OUT names text[])
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT array_agg(report.ticks(month AT TIME ZONE local.zone) ORDER BY month),
           array_agg(to_char(month, 'YYYY-MM') ORDER BY month)
    FROM report.tenant
    CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(months.zone, ''), tenant.zone) AS zone) AS local
    CROSS JOIN generate_series(date_trunc('month', tenant.first_at AT TIME ZONE local.zone),
                               tenant.last_at AT TIME ZONE local.zone, interval '1 month') AS month
    WHERE tenant.tenant = of_tenant
$$;
COMMENT ON FUNCTION report.months IS
    'The months in which a tenant has events, with the ticks at which each begins in a zone: width_bucket tells the month of an instant at a fraction of what to_char costs.';

CREATE FUNCTION report.labels_now(of_tenant text, of_list text) RETURNS TABLE (key text, label text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT DISTINCT ON (label.id) label.id::text, label.label FROM report.label
    WHERE label.tenant = of_tenant AND label.list = of_list
    ORDER BY label.id, label.rank, label.valid_ticks DESC
$$;
COMMENT ON FUNCTION report.labels_now IS
    'All ids of a list, as keys of values are written, with the label that each has now: to join with where there are many rows.';

CREATE FUNCTION report.value_of(of_tenant text, of_field text, of_key text) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN of_key = 'none' THEN NULL WHEN of_key ~ '^-?[0-9]+$' THEN of_key::json
                ELSE (SELECT span.value::json FROM report.field_interval_all AS span
                      WHERE span.tenant = of_tenant AND span.field = of_field AND span.key = of_key LIMIT 1) END
$$;
COMMENT ON FUNCTION report.value_of IS
    'The value of a key as reports show it, for those that carried only keys. A look-up: ask for it after you have grouped.';

-- What a field of a ticket held, one value after the other, without none-values, and without a value that equals
-- the one before it. Of a time in which few tickets moved only these are read, by their key.
CREATE FUNCTION report.sequence(of_tenant text, of_field text, since_ticks bigint, until_ticks bigint)
RETURNS TABLE (ticket bigint, event_id uuid, ticks bigint, key text, before text, earlier text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH moved AS MATERIALIZED (
        SELECT span.ticket FROM report.field_interval_all AS span
        WHERE span.tenant = of_tenant AND span.field = of_field AND span.key <> 'none'
          AND span.from_ticks >= since_ticks AND span.from_ticks < sequence.until_ticks LIMIT 20000
    ), held AS (
        SELECT span.ticket, span.from_event_id, span.from_ticks, span.until_ticks, span.key
        FROM report.field_interval_all AS span
        WHERE span.tenant = of_tenant AND span.field = of_field AND span.key <> 'none'
          AND span.from_ticks < sequence.until_ticks AND (SELECT count(*) FROM moved) = 20000
        UNION ALL
        SELECT span.ticket, span.from_event_id, span.from_ticks, span.until_ticks, span.key
        FROM report.field_interval_all AS span
        WHERE span.tenant = of_tenant AND span.field = of_field AND span.key <> 'none'
          AND span.from_ticks < sequence.until_ticks
          AND span.ticket = ANY (ARRAY(SELECT moved.ticket FROM moved WHERE (SELECT count(*) FROM moved) < 20000))
    ), step AS (
        SELECT held.*, lag(held.key) OVER (PARTITION BY held.ticket
                                           ORDER BY held.from_ticks, held.until_ticks, held.from_event_id) AS before
        FROM held
    ), chained AS (
        SELECT step.*, lag(step.before) OVER (PARTITION BY step.ticket
                                              ORDER BY step.from_ticks, step.until_ticks, step.from_event_id) AS earlier
        FROM step WHERE step.before IS DISTINCT FROM step.key
    )
    SELECT chained.ticket, chained.from_event_id, chained.from_ticks, chained.key, chained.before, chained.earlier
    FROM chained WHERE chained.from_ticks >= since_ticks
$$;
COMMENT ON FUNCTION report.sequence IS
    'The values that a field of each ticket came to hold within a time, with the two before each (from the whole life of the ticket): none-values are dropped, and a value that equals the one before it.';

GRANT USAGE ON SCHEMA report TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA report TO PUBLIC;

-- Serves reports about one field over time. Its condition is true of every row, and only the views say it: a look-up
-- of a ticket's field, which the primary key serves, would else be planned with this one where Postgres does not know
-- the tenant yet, and walk all of a field.
CREATE INDEX field_interval_by_field ON field_interval (tenant, field, from_ticks)
    INCLUDE (ticket, key, until_ticks, from_event) WHERE length(field) >= 0;

-- Serves reports about changes from one known value to another, most often without the table: they are a quarter of
-- all changes.
CREATE INDEX change_changed ON change (tenant, field, ticks) INCLUDE (actor, ticket, event_id, from_key, to_key)
    WHERE NOT noise AND kind = 'changed';
